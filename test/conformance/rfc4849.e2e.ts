import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleFiles } from '../../apps/radius-bridge/test/sample-policy.js';
import { secret, TestBed } from './bed.js';
import { mab, pump, quarantined, type Switch } from './switch.js';
import { accessRequest, all, code, type, type Parsed } from './wire.js';

const servers = Array.from({ length: 30 }, (_, i) => `10.77.${i}.1`);
/** What IPFilterRule (RFC 6733 §4.3.1) looks like, as far as it matters here. */
const filterRule =
  /^(permit|deny) in (ip|tcp|udp|\d+) from any( [\d-]+)? to ([0-9a-f.:/]+|any)( [\d-]+)?( established)?$/;

describe('RFC 4849', () => {
  let bed: TestBed;
  let nas: Switch;

  beforeAll(async () => {
    bed = await TestBed.start({
      files: {
        // Neighbours would be one rule: each server is on its own.
        'catalog/endpoints.yaml': `${sampleFiles['catalog/endpoints.yaml']}\nmany: { addresses: [${servers.join(', ')}], owner: it, description: many servers }`,
        'rules/flows.csv': `${sampleFiles['rules/flows.csv']}\np, infusion-pump, many, https, allow, always, "many servers"`,
      },
    });
    nas = await bed.switchAt();
  });

  afterAll(async () => {
    await bed?.stop();
  });

  const accept = async (mac = pump): Promise<Parsed> => {
    const reply = await nas.ask(accessRequest(secret, mab(mac)));
    expect(reply.code).toBe(code.accessAccept);
    return reply;
  };
  const rulesOf = (reply: Parsed): string[] =>
    Buffer.concat(all(reply, type.nasFilterRule)).toString('latin1').split('\0');

  it('RFC 4849 §2: the values of all NAS-Filter-Rule attributes, put together, are rules separated by 0x00', async () => {
    const rules = rulesOf(await accept());
    expect(rules.length).toBeGreaterThan(servers.length);
    for (const rule of rules) expect(rule).toMatch(filterRule);
  });

  it('RFC 4849 §2: a rule may go on in the next attribute', async () => {
    const parts = all(await accept(), type.nasFilterRule).map((value) => value.toString('latin1'));
    expect(parts.length).toBeGreaterThan(3);
    const borders = parts.slice(0, -1).filter((part, i) => !part.endsWith('\0') && !parts[i + 1]!.startsWith('\0'));
    expect(borders.length).toBeGreaterThan(0);
  });

  it('RFC 4849 §2: each attribute but the last is full, and none is empty', async () => {
    const lengths = all(await accept(), type.nasFilterRule).map((value) => value.length);
    for (const length of lengths.slice(0, -1)) expect(length).toBe(253);
    expect(lengths.at(-1)).toBeGreaterThan(0);
  });

  it('RFC 4849 §2: the attributes stand together and in order, so that rules keep theirs', async () => {
    const reply = await accept();
    const places = reply.attributes.map((attribute) => attribute.type === type.nasFilterRule);
    expect(places.slice(places.indexOf(true), places.lastIndexOf(true) + 1)).not.toContain(false);
    const rules = rulesOf(reply);
    expect(rules.at(-1)).toBe('deny in ip from any to any');
    for (const server of servers)
      expect(rules).toContainEqual(expect.stringContaining(`to ${server}/32 443`.replace('/32', '')));
  });

  it('RFC 4849 §2: no rule opens the other family: what is said of IPv4 addresses is not said of any', async () => {
    const permits = rulesOf(await accept()).filter((rule) => rule.startsWith('permit'));
    expect(permits.filter((rule) => rule.includes(' to any'))).toEqual([]);
  });

  it('RFC 4849 §2: a device that may nothing has a rule that denies, not no rule', async () => {
    expect(rulesOf(await accept(quarantined))).toEqual(['deny in ip from any to any']);
  });

  it('RFC 4849 §2: NAS-Filter-Rule and Filter-Id do not stand in one Accept', async () => {
    expect(all(await accept(), type.filterId)).toEqual([]);
  });

  it('RFC 4849 §3: a Reject has no NAS-Filter-Rule', async () => {
    const reply = await nas.ask(accessRequest(secret, mab('02:aa:00:00:00:01')));
    expect(reply.code).toBe(code.accessReject);
    expect(all(reply, type.nasFilterRule)).toEqual([]);
  });
});
