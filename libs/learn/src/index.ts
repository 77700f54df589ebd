export * from './capirca/index.js';
export * from './flows/index.js';
export * from './mud/index.js';
