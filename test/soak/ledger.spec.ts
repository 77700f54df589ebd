import { describe, expect, it } from 'vitest';
import { parseMac } from '#net';
import { findRecordFaults, type LedgerEntry, type StoredSession } from './ledger.ts';

const mac = parseMac('00:1a:2b:00:00:01')!;
const other = parseMac('00:1a:2b:00:00:02')!;

const entry = (change: Partial<LedgerEntry> = {}): LedgerEntry => ({
  mac,
  id: 'soak-1',
  sent: { input: 200, output: 20 },
  acknowledged: { input: 200, output: 20 },
  stop: 'acknowledged',
  ...change,
});
const stored = (change: Partial<StoredSession> = {}): StoredSession => ({
  mac,
  acctSessionId: 'soak-1',
  state: 'closed',
  inputOctets: 200,
  outputOctets: 20,
  endReason: 'User-Request',
  ...change,
});
const open = { state: 'open', endReason: null } as const;

describe('the records of the controller', () => {
  it.each<[string, Partial<LedgerEntry>, readonly StoredSession[]]>([
    ['are right when they are what was acknowledged', {}, [stored()]],
    ['are right for a session that goes on', { stop: 'not sent' }, [stored(open)]],
    [
      'may have what was sent and not acknowledged',
      { acknowledged: { input: 100, output: 10 }, stop: 'uncertain' },
      [stored()],
    ],
    ['may lack what was sent and not acknowledged', { acknowledged: null, stop: 'uncertain' }, []],
    [
      'may have a session whose Start was not acknowledged without its id',
      { acknowledged: null, stop: 'uncertain' },
      [stored({ acctSessionId: null, ...open, inputOctets: 0, outputOctets: 0 })],
    ],
    ['may have sessions of other devices', {}, [stored(), stored({ mac: other, acctSessionId: 'not ours' })]],
  ])('%s', (_, change, rows) => {
    expect(findRecordFaults([entry(change)], rows)).toEqual([]);
  });

  it.each<[string, Partial<LedgerEntry>, readonly StoredSession[], string]>([
    ['a lost session', {}, [], 'is lost'],
    ['a session that is there twice', {}, [stored(), stored()], 'is there 2 times'],
    ['a lost Interim-Update', { stop: 'not sent' }, [stored({ ...open, inputOctets: 100 })], 'has 100/20 octets'],
    ['a lost wrap of the counter', {}, [stored({ outputOctets: 20 - 2 ** 32 })], 'octets'],
    ['octets that nobody sent', {}, [stored({ outputOctets: 21 })], 'has 200/21 octets'],
    ['a lost Stop', {}, [stored(open)], 'is open after its Stop'],
    ['a Stop that nobody sent', { stop: 'not sent' }, [stored()], 'is closed without a Stop'],
    [
      'a session that something else ended',
      {},
      [stored({ endReason: 'another session began on the port' })],
      'not by its Stop',
    ],
    ['a session of another device', {}, [stored({ mac: other })], 'is lost'],
    [
      'a session that nobody reported',
      {},
      [stored(), stored({ acctSessionId: 'soak-2' })],
      'soak-2 of 00:1a:2b:00:00:01 was never reported',
    ],
    ['a second session from one authentication', {}, [stored(), stored({ acctSessionId: null })], 'without an id'],
  ])('are wrong with %s', (_, change, rows, fault) => {
    const faults = findRecordFaults([entry(change)], rows);
    expect(faults.join('\n')).toContain(fault);
  });
});
