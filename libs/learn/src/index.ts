export * from './flows/index.js';
export * from './mud/index.js';
