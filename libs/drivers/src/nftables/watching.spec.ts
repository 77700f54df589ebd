import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EnforcementState, FlowEntry } from '#model';
import { at, conformanceNetwork, samplesFor } from '../conformance-states.js';
import { judgeByInvariant, type Packet } from '../invariant.js';
import { packet, state } from '../random-states.js';
import { evaluate } from './evaluate.js';
import { createNftablesDriver } from './index.js';
import { observe, parseTable } from './parse.js';
import { NftablesSession } from './session.js';
import { SimulatedNft } from './simulated.js';
import { verdictAmongWatching } from './watching.js';

const driver = createNftablesDriver();
const { baseState } = samplesFor(['flows']);
const withCandidate = (of: EnforcementState, candidate: readonly FlowEntry[] | null): EnforcementState => ({
  ...of,
  rules: { ...of.rules, candidate },
});
const tableOf = (of: EnforcementState) => parseTable(driver.render(of)) ?? expect.fail('no table');

/** Some lines of the rules, and some of others: candidates are mostly what is in force. */
const watched = fc
  .tuple(state, state)
  .chain(([own, other]) =>
    fc
      .tuple(fc.subarray([...own.rules.entries]), fc.subarray([...other.rules.entries]))
      .map(([kept, fresh]) => withCandidate(own, [...kept, ...fresh])),
  );

describe('rules that watch a candidate', () => {
  it('change the verdict of no packet, and tell exactly those that pass and that the candidate would drop', () => {
    fc.assert(
      fc.property(watched, fc.array(packet, { minLength: 8, maxLength: 40 }), (of, packets) => {
        fc.pre(driver.check(of).length === 0);
        const [table, without] = [tableOf(of), tableOf(withCandidate(of, null))];
        const candidate = withCandidate({ ...of, rules: { ...of.rules, entries: of.rules.candidate! } }, null);
        for (const each of packets)
          for (const more of circumstances) {
            const sent: Packet = { ...each, ...more };
            const [is, was] = [evaluate(table, sent), evaluate(without, sent)];
            expect(is.verdict).toBe(was.verdict);
            const isNew = (sent.state ?? 'new') === 'new' && sent.isReply !== true;
            const wouldBreak = isNew && is.verdict === 'passed' && judgeByInvariant(candidate, sent) === 'dropped';
            expect(is.counters.filter((name) => name === 'audit')).toHaveLength(wouldBreak ? 1 : 0);
          }
      }),
      { numRuns: 400 },
    );
  });

  it('come to the same whether they are read from the artefact or expected', () => {
    fc.assert(
      fc.property(watched, (of) => {
        fc.pre(driver.check(of).length === 0);
        expect(driver.expect(of)).toEqual(driver.parse(driver.render(of)));
        expect(driver.expect(of).rulesFingerprint).toBe(driver.expect(withCandidate(of, null)).rulesFingerprint);
      }),
      { numRuns: 100 },
    );
  });

  it('have no verdict in them, and what has one among them is found', () => {
    const text = driver.render(watchedBase);
    expect(verdictAmongWatching(parseTable(text)!)).toBeNull();
    for (const verdict of ['drop', 'accept'])
      expect(verdictAmongWatching(parseTable(text.replaceAll('{"return":null}', `{"${verdict}":null}`))!)).toContain(
        `"kind":"${verdict}"`,
      );
    const astray = text.replaceAll('{"goto":{"target":"audit_log_4"}}', '{"goto":{"target":"allow_4"}}');
    expect(verdictAmongWatching(parseTable(astray)!)).toContain('allow_4');
  });

  it('refuses what a line of the candidate can not be said in', () => {
    const services = [{ first: 50 * 65_536 + 7, last: 50 * 65_536 + 9 }];
    const odd = withCandidate(baseState, [{ ...baseState.rules.entries[0]!, services }]);
    expect(driver.check(odd).map(({ code }) => code)).toContain('nftables-service');
  });
});

const circumstances: readonly Partial<Packet>[] = [
  {},
  { state: 'established' },
  { state: 'established', isReply: true },
  { state: 'related' },
  { state: 'invalid' },
];

const firstAllow = baseState.rules.entries.find(({ action }) => action === 'allow')!;
/** The first allow is gone, and something is denied for a list of classes that no line in force names. */
const denied: FlowEntry = {
  ...firstAllow,
  id: 'aaaaaaaaaaaa',
  action: 'deny',
  source: { kind: 'classes', classes: ['ct-scanner', 'infusion-pump', 'newcomer'] },
};
const watchedBase = withCandidate(baseState, [
  ...baseState.rules.entries.filter((each) => each !== firstAllow),
  denied,
]);
const rule = (chain: string, expr: readonly object[]) => ({ family: 'inet', table: 'cordon', chain, expr });
const pumpToServer = (): Packet => ({
  source: at(conformanceNetwork.pump[0]),
  destination: at(conformanceNetwork.server[0]),
  protocol: 6,
  port: 8443,
});

describe('a candidate at a device', () => {
  const [own, candidate] = [baseState, watchedBase];

  async function device(...states: EnforcementState[]) {
    const nft = new SimulatedNft();
    const session = new NftablesSession(nft);
    const kinds: string[] = [];
    const bring = async (wanted: EnforcementState): Promise<void> => {
      const text = await session.read();
      const change = driver.plan(wanted, text === null ? null : driver.parse(text));
      kinds.push(change.kind);
      await session.apply(change);
      await session.confirm();
    };
    for (const each of states) await bring(each);
    return { nft, session, kinds, bring, names: async () => [...parseTable((await nft.list())!)!.sets.keys()] };
  }

  it('is brought and taken away alone: no other rule is touched, and counters go on', async () => {
    const { nft, session, kinds, bring, names } = await device(own);
    const before = await names();
    const sent = pumpToServer();
    expect(nft.route(sent)).toBe('passed');
    await bring(candidate);
    expect(nft.route(sent)).toBe('passed');
    const counters = new Map((await session.counters()).map(({ id, packets }) => [id, packets]));
    expect([counters.get(firstAllow.id), counters.get('audit')]).toEqual([2, 1]);
    expect((await names()).length).toBeGreaterThan(before.length);
    await bring(candidate);
    await bring(own);
    expect(await names()).toEqual(before);
    expect(kinds).toEqual(['rules', 'watching', 'none', 'watching']);
    expect(driver.plan(own, driver.parse((await nft.list())!)).kind).toBe('none');
  });

  it('is put back as it was when its change is taken back', async () => {
    const { nft, session } = await device(own);
    const before = observe(parseTable((await nft.list())!)!);
    await session.apply(driver.plan(candidate, driver.parse((await session.read())!)));
    await session.rollback();
    expect(observe(parseTable((await nft.list())!)!)).toEqual(before);
  });

  it('goes with members that change meanwhile', async () => {
    const { nft, kinds, bring } = await device(own);
    const membership = new Map([...own.membership, ['infusion-pump', new Set(['10.20.0.99'])]]);
    await bring({ ...candidate, membership });
    expect(kinds.at(-1)).toBe('watching');
    expect(driver.plan({ ...candidate, membership }, driver.parse((await nft.list())!)).kind).toBe('none');
  });

  it.each<[string, object, string]>([
    ['a rule of somebody else that decides', { add: { rule: rule('audit_4', [{ drop: null }]) } }, 'rules'],
    [
      'a rule of somebody else that decides nothing',
      { add: { rule: rule('audit_4', [{ counter: 'audit' }]) } },
      'watching',
    ],
    [
      'a rule that was taken out',
      { flush: { chain: { family: 'inet', table: 'cordon', name: 'audit_log_6' } } },
      'watching',
    ],
    [
      'a set that nobody uses',
      { add: { set: { family: 'inet', table: 'cordon', name: 'x_4', type: 'ipv4_addr' } } },
      'rules',
    ],
  ])('is put right after %s', async (_, command, kind) => {
    const { nft, kinds, bring } = await device(candidate);
    await nft.load(JSON.stringify({ nftables: [command] }));
    await bring(candidate);
    expect(kinds.at(-1)).toBe(kind);
    expect(driver.plan(candidate, driver.parse((await nft.list())!)).kind).toBe('none');
  });
});
