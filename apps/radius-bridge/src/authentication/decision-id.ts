import { randomBytes } from 'node:crypto';

/**
 * Names of decisions. A reply carries its own in the Class attribute (RFC 2865 §5.25), accounting brings it back, sessions
 * and events keep it: that is how a port's VLAN leads to the snapshot and the rule. 19 characters: `cordon:` + 6 drawn at
 * the start + 6 counting, so that no restart and no other bridge gives a name twice.
 */
export class DecisionIds {
  private readonly start = `cordon:${randomBytes(5).toString('base64url').slice(0, 6)}`;
  /** All but the last two characters, for as long as they stay the same. */
  private head = '';
  private count = 0;

  next(): string {
    this.count = (this.count + 1) % 36 ** 6;
    const last = this.count % tails.length;
    if (last === 0 || this.head === '') this.head = this.start + digits(Math.floor(this.count / tails.length), 4);
    return this.head + tails[last]!;
  }
}

const digits = (count: number, length: number): string => count.toString(36).padStart(length, '0');
const tails = Array.from({ length: 36 ** 2 }, (_, i) => digits(i, 2));

/** The decision that a Class value names; null for the Class of somebody else. */
export function readDecisionId(value: Buffer): string | null {
  const text = value.toString('latin1');
  return /^cordon:[\w-]{12}$/.test(text) ? text : null;
}
