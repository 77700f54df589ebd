import type { ChildProcess, Serializable } from 'node:child_process';

/** A module beside this one, to be run by itself. The tests run the TypeScript source, which Node reads as it is; the build has JavaScript. */
export const moduleBeside = (url: string, name: string): URL =>
  new URL(`./${name}.${url.endsWith('.ts') ? 'ts' : 'js'}`, url);

/** One that is ending tells by its exit. */
export function post(child: ChildProcess, message: Serializable): void {
  if (child.connected) child.send(message, () => undefined);
}
