export { policyFiles } from './policy-files.js';
