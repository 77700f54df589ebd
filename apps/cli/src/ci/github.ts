import type { IssueDialect } from './issue-forge.js';

/** GitHub's REST API, version 2022-11-28. */
export const github: IssueDialect = {
  name: 'github',
  commentLimit: 65_536,
  descriptionLimit: 140,
  headers: (token) => ({
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    authorization: `Bearer ${token}`,
  }),
  pages: '?per_page=100',
  workflowNames: ['github-actions[bot]'],
};
