import type { AuthorizationStep } from '#model';

/** A switch may get new software, or another configuration, and nobody tells us. */
const rememberedMilliseconds = 3_600_000;

/** Steps that a NAS refuses for every session, so that the next ten thousand sessions need not find it out again. */
export class RefusedSteps {
  private readonly until = new Map<string, number>();

  add(nas: string, profile: string, step: AuthorizationStep, now: Date): void {
    this.until.set(`${nas} ${profile} ${step}`, now.getTime() + rememberedMilliseconds);
  }

  /** Another profile says things in other words: what the NAS refused before does not count. */
  has(nas: string, profile: string, step: AuthorizationStep, now: Date): boolean {
    return (this.until.get(`${nas} ${profile} ${step}`) ?? 0) > now.getTime();
  }
}
