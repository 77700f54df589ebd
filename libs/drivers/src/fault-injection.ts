import { assertNever } from '#base';
import { RemoteFault, TerminalFault } from './driver.js';

/**
 * What can become of an exchange with a device.
 *
 *   dies-before  the connection breaks before it arrives      dies-after  it takes effect, then the connection breaks
 *   refused      the device says no, and does nothing         ignored     it says yes, and does nothing
 *   halved       it does a part, and says yes                 stale       it answers what it answered last time
 *
 * After a death every later exchange fails too, until `disarm`: what is to be put right then is put right by another session.
 */
export const deviceFaults = ['dies-before', 'dies-after', 'refused', 'ignored', 'halved', 'stale'] as const;
export type DeviceFault = (typeof deviceFaults)[number];

type Call = (...args: unknown[]) => Promise<unknown>;

/** How a device does a part of a change: `method` is one of its own that change something. */
export type DoHalf = (method: string, args: readonly unknown[]) => Promise<void>;

/**
 * Makes one exchange between a driver and its device go wrong. It stands where the driver's own code ends and the device begins: `wrap`
 * takes the object whose methods are the exchanges. Methods that change something resolve to nothing; the others answer.
 */
export class FaultInjector {
  private armed: { readonly fault: DeviceFault; readonly at: number } | null = null;
  private isDead = false;
  private count = 0;
  private readonly answers = new Map<string, unknown>();

  /** The fault happens to the exchange of this number, from 1, counted from now. `halved` and `ignored` count changes only. */
  arm(fault: DeviceFault, at: number): void {
    this.armed = { fault, at };
    this.count = 0;
    this.isDead = false;
  }

  /** True when the fault happened. */
  disarm(): boolean {
    const happened = this.armed !== null && this.count >= this.armed.at;
    this.armed = null;
    this.isDead = false;
    return happened;
  }

  wrap<T extends object>(device: T, changes: ReadonlySet<string>, half: DoHalf): T {
    return new Proxy(device, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function' || typeof key !== 'string') return value;
        const call: Call = (...args) => (value as Call).apply(target, args);
        if (key === 'close') return call;
        return (...args: unknown[]) => this.exchange(key, changes.has(key), call, half, args);
      },
    });
  }

  private async exchange(
    method: string,
    isChange: boolean,
    call: Call,
    half: DoHalf,
    args: readonly unknown[],
  ): Promise<unknown> {
    if (this.isDead) throw new RemoteFault('the device died');
    const fault = this.armed?.fault ?? null;
    if (fault === null || ((fault === 'halved' || fault === 'ignored') && !isChange))
      return this.answer(method, call, args);
    if (++this.count !== this.armed!.at) return this.answer(method, call, args);
    switch (fault) {
      case 'dies-before':
        this.isDead = true;
        throw new RemoteFault('the device died');
      case 'dies-after':
        await call(...args);
        this.isDead = true;
        throw new RemoteFault('the device died');
      case 'refused':
        throw new TerminalFault('the device refuses');
      case 'ignored':
        return undefined;
      case 'halved':
        await half(method, args);
        return undefined;
      case 'stale':
        return isChange
          ? this.answer(method, call, args)
          : (this.answers.get(method) ?? this.answer(method, call, args));
      default:
        return assertNever(fault);
    }
  }

  private async answer(method: string, call: Call, args: readonly unknown[]): Promise<unknown> {
    const answer = await call(...args);
    this.answers.set(method, answer);
    return answer;
  }
}
