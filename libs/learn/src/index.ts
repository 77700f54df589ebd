export * from './mud/index.js';
