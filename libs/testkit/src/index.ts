export { serveGit } from './spec/git-http-backend.js';
export { policyFiles } from './policy-files.js';
