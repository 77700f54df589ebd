export * from './authorization-step.js';
export * from './credential.js';
export * from './device.js';
export * from './enforcement.js';
export * from './feed.js';
export * from './posture.js';
export * from './session.js';
export * from './suspicion.js';
