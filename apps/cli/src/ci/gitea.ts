import type { IssueDialect } from './issue-forge.js';

/** The API of Gitea and Forgejo, version 1. Most versions give all comments of an issue at once; newer ones may give pages. */
export const gitea: IssueDialect = {
  name: 'gitea',
  /** Neither has a documented limit; that of GitHub fits the database of both. */
  commentLimit: 65_536,
  descriptionLimit: 255,
  headers: (token) => ({ authorization: `token ${token}` }),
  pages: '',
  workflowNames: ['gitea-actions', 'forgejo-actions'],
};
