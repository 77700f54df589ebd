import { describe, expect, it } from 'vitest';
import { readAccounting } from './accounting.js';
import { dateAttribute, integerAttribute, octetsAttribute, textAttribute } from './build.js';
import { types } from './dictionary.js';
import type { Attribute } from './packet.js';

const status = (value: number) => integerAttribute(types.acctStatusType, value);
const read = (...attributes: Attribute[]) => readAccounting({ attributes });

describe('readAccounting', () => {
  it.each([
    [1, 'start'],
    [2, 'stop'],
    [3, 'interim'],
    [7, 'accounting-on'],
    [8, 'accounting-off'],
    [9, 'other'],
    [15, 'other'],
  ])('status %i is `%s`', (value, name) => {
    expect(read(status(value))?.status).toBe(name);
  });

  it('gives nothing without a status (RFC 2866 §5.1)', () => {
    expect(read()).toBeNull();
    expect(read(octetsAttribute(types.acctStatusType, Buffer.from([1])))).toBeNull();
  });

  it('reads a whole record', () => {
    expect(
      read(
        status(2),
        textAttribute(types.acctSessionId, '0000002A'),
        textAttribute(types.acctMultiSessionId, 'm-1'),
        integerAttribute(types.acctInputOctets, 17),
        integerAttribute(types.acctOutputOctets, 0xffff_ffff),
        integerAttribute(types.acctOutputGigawords, 2),
        integerAttribute(types.acctSessionTime, 3600),
        integerAttribute(types.acctTerminateCause, 2),
        integerAttribute(types.acctDelayTime, 5),
        dateAttribute(types.eventTimestamp, new Date('2026-11-23T19:00:00Z')),
        octetsAttribute(types.class, Buffer.from('one')),
        octetsAttribute(types.class, Buffer.from('two')),
      ),
    ).toEqual({
      status: 'stop',
      sessionId: '0000002A',
      multiSessionId: 'm-1',
      inputOctets: 17,
      outputOctets: 3 * 2 ** 32 - 1,
      sessionTime: 3600,
      terminateCause: 'Lost-Carrier',
      delay: 5,
      eventTimestamp: new Date('2026-11-23T19:00:00Z'),
      classes: [Buffer.from('one'), Buffer.from('two')],
    });
  });

  it('stays a safe integer on absurd gigawords', () => {
    const record = read(status(3), integerAttribute(types.acctInputGigawords, 0xffff_ffff));
    expect(record?.inputOctets).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('names an unknown cause by number', () => {
    expect(read(status(2), integerAttribute(types.acctTerminateCause, 99))?.terminateCause).toBe('cause 99');
  });
});
