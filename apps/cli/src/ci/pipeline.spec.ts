import { describe, expect, it } from 'vitest';
import { readPipeline, type Environment } from './pipeline.js';

const [base, head, merge] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string];
const pullRequest = (from = 'hospital/policy') => ({
  pull_request: {
    number: 7,
    base: { sha: base, repo: { full_name: 'hospital/policy' } },
    head: { sha: head, repo: { full_name: from } },
    labels: [{ name: 'urgent' }, { name: 'cordon-approved:0123456789ab' }],
  },
});
const github: Environment = {
  GITHUB_ACTIONS: 'true',
  GITHUB_EVENT_NAME: 'pull_request',
  GITHUB_EVENT_PATH: '/event.json',
  GITHUB_SHA: merge,
  GITHUB_REPOSITORY: 'hospital/policy',
  GITHUB_RUN_ID: '99',
};
const gitlab: Environment = {
  GITLAB_CI: 'true',
  CI_API_V4_URL: 'https://gitlab.example/api/v4',
  CI_PROJECT_ID: '42',
  CI_COMMIT_SHA: head,
  CI_MERGE_REQUEST_IID: '7',
  CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
  CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: '',
  CI_MERGE_REQUEST_TARGET_BRANCH_SHA: '',
  CI_MERGE_REQUEST_PROJECT_ID: '42',
  CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '42',
  CI_MERGE_REQUEST_LABELS: 'urgent,cordon-approved:0123456789ab',
};
const read = (env: Environment, event: unknown = pullRequest()) =>
  readPipeline(env, () => (typeof event === 'string' ? event : JSON.stringify(event)));

describe('a pipeline', () => {
  it('is none outside of the forges that are known', () => expect(read({ CI: 'true' })).toBeNull());

  it('of GitHub plans the trial merge, and gives the status to the last commit of the change', () => {
    expect(read(github)).toEqual({
      forge: 'github',
      api: 'https://api.github.com',
      repository: 'hospital/policy',
      request: 7,
      base,
      head: merge,
      mergeOf: head,
      statusCommit: head,
      labels: ['urgent', 'cordon-approved:0123456789ab'],
      isFork: false,
      summaryFile: null,
      run: 'https://github.com/hospital/policy/actions/runs/99',
    });
  });

  it.each(['GITEA_ACTIONS', 'FORGEJO_ACTIONS'])('with %s is one of Gitea, though it looks like GitHub', (name) => {
    const env = { ...github, [name]: 'true', GITHUB_SERVER_URL: 'https://git.example', GITHUB_SHA: head };
    expect(read(env)).toMatchObject({ forge: 'gitea', api: 'https://git.example/api/v1', head, mergeOf: null });
  });

  it('of GitLab is that of the merge request, or of its merged result', () => {
    expect(read(gitlab)).toMatchObject({ forge: 'gitlab', request: 7, base, head, mergeOf: null, statusCommit: head });
    const merged = {
      ...gitlab,
      CI_COMMIT_SHA: merge,
      CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: head,
      CI_MERGE_REQUEST_TARGET_BRANCH_SHA: base,
    };
    expect(read(merged)).toMatchObject({ base, head: merge, mergeOf: head, statusCommit: head });
  });

  it.each([
    ['another repository', github, pullRequest('stranger/policy')],
    ['a repository that is gone', github, { pull_request: { ...pullRequest().pull_request, head: { sha: head } } }],
    ['another project', { ...gitlab, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: '43' }, undefined],
  ])('of a change from %s is one of a fork', (_, env, event) =>
    expect(read(env, event)).toMatchObject({ isFork: true }),
  );

  it('of a push begins at the commit before, where there is one', () => {
    const push = { ...github, GITHUB_EVENT_NAME: 'push' };
    expect(read(push, { before: base })).toMatchObject({ request: null, base, isFork: false });
    expect(read(push, { before: '0'.repeat(40) })).toMatchObject({ base: null });
  });

  it('never runs on pull_request_target', () => {
    expect(() => read({ ...github, GITHUB_EVENT_NAME: 'pull_request_target' })).toThrow(/use pull_request$/);
  });

  it.each([
    [github, 'no json', /not JSON.*--base/],
    [github, { pull_request: { ...pullRequest().pull_request, number: 'x' } }, /pull_request.number/],
    [github, { pull_request: { ...pullRequest().pull_request, base: { sha: '--upload-pack=x' } } }, /base.sha/],
    [{ ...github, GITHUB_SHA: '' }, pullRequest(), /GITHUB_SHA is not set/],
    [{ GITLAB_CI: 'true' }, undefined, /CI_COMMIT_SHA is not set/],
  ])('%# whose environment is not as it should be is refused with what is wrong', (env, event, message) => {
    expect(() => read(env, event)).toThrow(message);
  });
});
