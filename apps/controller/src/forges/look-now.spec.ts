import { expect, it, vi } from 'vitest';
import { LookNow } from './look-now.js';

/** A policy loop whose looks end when they are told to. */
function looking() {
  const actors: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const errors: string[] = [];
  const sync = (actor: string, force: boolean): Promise<void> => {
    expect(force).toBe(false);
    actors.push(actor);
    return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
  };
  const look = new LookNow({ sync }, { error: (message) => void errors.push(String(message)) });
  return { look, actors, ends, errors };
}

it('looks once more, however often it is asked while it looks', async () => {
  const { look, actors, ends } = looking();
  look.ask('hook:github');
  expect(actors).toEqual(['hook:github']);
  for (const actor of ['hook:gitea', 'hook:gitlab', 'hook:github']) look.ask(actor);
  expect(actors).toHaveLength(1);
  ends[0]!();
  await vi.waitFor(() => expect(actors).toEqual(['hook:github', 'hook:github']));
  ends[1]!();
  await vi.waitFor(() => {
    look.ask('hook:gitea');
    expect(actors).toHaveLength(3);
  });
});

it('goes on after a look that failed, and says so', async () => {
  const { look, actors, ends, errors } = looking();
  look.ask('hook:github');
  look.ask('hook:gitea');
  ends[0]!(new Error('no'));
  await vi.waitFor(() => expect(actors).toEqual(['hook:github', 'hook:gitea']));
  expect(errors).toEqual(['the repository was not looked at']);
});
