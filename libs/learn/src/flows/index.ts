export { learnFlows, type LearnInput } from './learn-flows.js';
export * from './learned.js';
export { evidenceText, lineText } from './render.js';
