import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeConformance, type ConformanceFixture } from '../conformance.js';
import { samplesFor } from '../conformance-states.js';
import { RemoteFault, TerminalFault } from '../driver.js';
import type { FaultInjector } from '../fault-injection.js';
import { createNetconfDriver } from './index.js';
import { namespaces, type ModelName } from './model.js';
import { NetconfSession, type NetconfDevice } from './session.js';
import { foreignConfig, foreignIn, halfEdit, netconfChanges, tamperings, wordless } from './tampering.js';
import { netconfNamespace } from './xml.js';

for (const model of ['ietf-acl', 'openconfig'] as const satisfies readonly ModelName[]) {
  const driver = createNetconfDriver({ model });
  const target = { kind: 'simulated', name: 'under-test' } as const;

  const fixture = (injector: FaultInjector): Promise<ConformanceFixture> => {
    const device = driver.simulated(target.name);
    device.load(foreignConfig[model]);
    return Promise.resolve({
      connect: () => {
        const client = driver.clientOf(target);
        const half = halfEdit((config) => client.edit(config));
        const faulty = injector.wrap<NetconfDevice>(client, netconfChanges, half);
        return new NetconfSession(faulty, driver.parse, 60);
      },
      tamper: Object.fromEntries(
        Object.entries(tamperings(model)).map(([title, config]) => [title, async () => device.load(config)]),
      ),
      readForeign: () => Promise.resolve(foreignIn(device.list())),
      traffic: null,
      dispose: () => Promise.resolve(),
    });
  };

  describeConformance({
    title: `netconf, ${model}, simulated`,
    driver,
    movesPackets: false,
    fixture,
    unreachable: () => {
      driver.simulated('silent').isReachable = false;
      return { kind: 'simulated', name: 'silent' };
    },
    inexpressible: wordless[model],
  });
}

describe('simulated switch', () => {
  const driver = createNetconfDriver({ model: 'openconfig' });
  const { baseState, otherRules, emptyState } = samplesFor(driver.enforces);
  let count = 0;
  const fresh = () => {
    const target = { kind: 'simulated', name: `${++count}` } as const;
    const device = driver.simulated(target.name);
    const kindNow = async (state = baseState) => {
      const session = driver.connect(target);
      const text = await session.read();
      await session.close();
      return driver.plan(state, text === null ? null : driver.parse(text)).kind;
    };
    return { target, device, kindNow, client: driver.clientOf(target), session: driver.connect(target) };
  };
  const artefact = driver.plan(baseState, null).commands;
  const config = (content: string): string =>
    `<config xmlns="${netconfNamespace}" xmlns:nc="${netconfNamespace}">${content}</config>`;
  const vlan = (content: string, operation = 'create'): string =>
    config(
      `<network-instances xmlns="${namespaces.networkInstance}"><network-instance><name>DEFAULT</name><vlans><vlan nc:operation="${operation}"><vlan-id>7</vlan-id>${content}</vlan></vlans></network-instance></network-instances>`,
    );
  const acl = (content: string): string => config(`<acls xmlns="${namespaces.ietfAcl}">${content}</acls>`);

  it.each([
    ['a VLAN that says two ids', vlan('<config><vlan-id>8</vlan-id></config>')],
    ['a VLAN without content', vlan('')],
    ['the deletion of no VLAN', vlan('', 'delete')],
    ['an operation that is none', vlan('', 'undo')],
    ['a leaf that it does not know', vlan('<config><vlan-id>7</vlan-id><colour>red</colour></config>')],
    ['a network instance that isn’t there', vlan('<config><vlan-id>7</vlan-id></config>').replace('DEFAULT', 'OTHER')],
    ['a model that it does not know', config('<x xmlns="urn:x"/>')],
    ['a list without a name', acl('<acl><type>ipv4-acl-type</type></acl>')],
    ['an identity that isn’t one', acl('<acl><name>a</name><type>no-acl-type</type></acl>')],
    ['an entry that does nothing', acl('<acl><name>a</name><aces><ace><name>1</name></ace></aces></acl>')],
    [
      'ports the wrong way round',
      acl(
        '<acl><name>a</name><aces><ace><name>1</name><matches><tcp><source-port><lower-port>9</lower-port><upper-port>8</upper-port></source-port></tcp></matches>' +
          '<actions><forwarding>drop</forwarding></actions></ace></aces></acl>',
      ),
    ],
  ])('refuses %s, and the whole edit with it', async (_, edit) => {
    const { client, device } = fresh();
    const before = device.list();
    await client.lock('running');
    await client.lock('candidate');
    await expect(client.edit(edit)).rejects.toThrow(Error);
    expect(device.list()).toBe(before);
  });

  it.each<[string, (client: NetconfDevice) => Promise<void>]>([
    ['an edit', (client) => client.edit(artefact)],
    ['a commit', (client) => client.commitFor(5)],
    ['the discarding of a candidate', (client) => client.discard()],
    ['unlocking', (client) => client.unlock('running')],
    ['a confirmation of nothing', (client) => client.confirm()],
  ])('refuses %s by whoever has no lock', async (_, work) => {
    const { client } = fresh();
    await client.running();
    await expect(work(client)).rejects.toThrow(RemoteFault);
  });

  it('lets one change at a time', async () => {
    const { client, target } = fresh();
    await client.lock('running');
    await expect(driver.clientOf(target).lock('running')).rejects.toThrow(/lock-denied/);
    await client.close();
    const { session, ...other } = fresh();
    await session.apply(driver.plan(baseState, null));
    await expect(driver.clientOf(other.target).lock('running')).rejects.toThrow(/in-use/);
    await session.confirm();
    expect(await other.kindNow()).toBe('none');
  });

  it('says what is wrong when a VLAN is there that somebody else made and that does not work', async () => {
    const { device, session } = fresh();
    device.load(vlan('<config><vlan-id>7</vlan-id><name>theirs</name><status>SUSPENDED</status></config>'));
    const state = { ...emptyState, rules: { ...emptyState.rules, vlans: [{ id: 7, name: 'pumps' }] } };
    const plan = driver.plan(state, driver.parse((await session.read()) ?? ''));
    await expect(session.apply(plan)).rejects.toThrow(TerminalFault);
    await expect(session.apply(plan)).rejects.toThrow(/data-exists.*a VLAN must be active/);
  });

  describe('in time', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
    afterEach(() => void vi.useRealTimers());

    it('takes back what nobody confirms, and keeps what somebody does', async () => {
      const { session, kindNow } = fresh();
      await session.apply(driver.plan(baseState, null));
      expect(await kindNow()).toBe('none');
      await vi.advanceTimersByTimeAsync(60_001);
      expect(await kindNow()).toBe('rules');
      await expect(session.confirm()).rejects.toThrow(/has taken the change back/);
      await session.apply(driver.plan(baseState, null));
      await session.confirm();
      await vi.advanceTimersByTimeAsync(60_001);
      expect(await kindNow()).toBe('none');
    });

    it('shows a change as not there once a confirmation was ignored', async () => {
      const { client, kindNow } = fresh();
      const deaf = new Proxy(client, {
        get: (target, key) =>
          key === 'confirm' ? () => Promise.resolve() : (Reflect.get(target, key, target) as () => void).bind(target),
      });
      const session = new NetconfSession(deaf, driver.parse, 60);
      await session.apply(driver.plan(baseState, null));
      await session.confirm();
      await vi.advanceTimersByTimeAsync(60_001);
      expect(await kindNow()).toBe('rules');
    });
  });

  it('takes back what was not confirmed when the session ends, however it ends', async () => {
    for (const end of ['rollback', 'close'] as const) {
      const { session, kindNow } = fresh();
      await session.apply(driver.plan(baseState, null));
      await session.confirm();
      await session.apply(driver.plan(otherRules, driver.expect(baseState)));
      expect(await kindNow(otherRules)).toBe('none');
      await session[end]();
      expect(await kindNow(baseState)).toBe('none');
    }
  });
});
