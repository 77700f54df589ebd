export * from './flows/index.js';
