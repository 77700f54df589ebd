import type { Log } from '../log.js';

/** Looks at the repository when asked; however often it is asked meanwhile, it looks once more. Nobody waits for it. */
export class LookNow {
  private isLooking = false;
  private again: string | null = null;

  constructor(
    private readonly policy: { sync(actor: string, force: boolean): Promise<unknown> },
    private readonly log: Pick<Log, 'error'>,
  ) {}

  ask(actor: string): void {
    if (this.isLooking) this.again = actor;
    else void this.run(actor);
  }

  private async run(first: string): Promise<void> {
    this.isLooking = true;
    for (let actor: string | null = first; actor !== null; actor = this.again) {
      this.again = null;
      // A commit that was judged is not judged again: a delivery costs no more than a look.
      await this.policy.sync(actor, false).catch((error: unknown) => {
        this.log.error('the repository was not looked at', { error: String(error) });
      });
    }
    this.isLooking = false;
  }
}
