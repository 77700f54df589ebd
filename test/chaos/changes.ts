import { pause } from '../soak/pause.ts';
import type { Act, ActKind } from './acts.ts';
import type { Answer } from './cordon.ts';
import type { Standing } from './expectation.ts';
import { badFiles, macOf, policyFiles, services, type PolicyVersion } from './hospital.ts';
import { standingOf } from './ledger.ts';
import { deviceOf, strangerOf, type Deeds, type World } from './world.ts';

type ChangeKind = Extract<
  ActKind,
  'commit' | 'bad-commit' | 'posture' | 'register' | 'replug' | 'rollout' | 'break-glass' | 'in-use'
>;

/** A person or a system that got no answer asks again. */
const retryMilliseconds = 1000;
const openSeconds = 15;
const operations = ['current/pause', 'current/resume', 'current/advance', 'current/abort', 'roll-back'];
const pumpRecord = { class: 'infusion-pump', posture: 'normal' };
const noRecord = { class: 'none', posture: 'none' };

interface Asked {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Refusals that mean that it is so already, or can't be. */
  readonly fine?: readonly number[];
}

/** What people and systems ask of the controller. What it acknowledges goes into the ledger; until then it may be so or not. */
export class Changes {
  private readonly world: World;
  private version: PolicyVersion;
  private newcomers = 0;
  private readonly inUse = new Map<string, (now: number) => void>();

  constructor(world: World, version: PolicyVersion) {
    this.world = world;
    this.version = version;
  }

  readonly deeds: Deeds<ChangeKind> = {
    commit: { on: () => 'policy', carryOut: (act, signal) => this.commit(act, signal) },
    'bad-commit': { on: () => 'policy', carryOut: (_, signal) => this.mistake(signal) },
    rollout: { on: () => 'policy', carryOut: (act, signal) => this.operateRollout(act, signal) },
    posture: { on: recordOf, carryOut: (act, signal) => this.setPosture(act, signal) },
    'break-glass': { on: recordOf, carryOut: (act, signal) => this.breakGlass(act, signal) },
    'in-use': { on: recordOf, carryOut: ({ choice }, signal) => this.use(deviceOf(choice).mac, signal) },
    register: {
      on: ({ choice }) => (choice % 2 ? `record ${strangerOf(choice).mac}` : 'newcomers'),
      carryOut: (act, signal) => (act.choice % 2 ? this.meetStranger(act, signal) : this.registerNewcomer(act, signal)),
    },
    replug: {
      on: ({ choice }) => `port ${deviceOf(choice).mac}`,
      carryOut: ({ choice }) => {
        const { mac, nas } = deviceOf(choice);
        this.world.judge.device(mac).touch('session', Date.now());
        this.world.switches.find(({ plan }) => plan.name === nas.name)!.replug(mac);
        return Promise.resolve();
      },
    },
  };

  /** Nothing is held back or paused any more. */
  async mend(signal: AbortSignal): Promise<void> {
    const macs = [...this.inUse.keys()];
    if (macs.length > 0)
      await this.ask(signal, { method: 'POST', path: '/devices/in-use', body: { macs, inUse: false } });
    for (const release of this.inUse.values()) release(Date.now());
    this.inUse.clear();
    const { policy } = this.world;
    await policy.look();
    if (!policy.rollout || policy.rollout.status === 'running') return;
    const body = { reason: 'the burst is over' };
    await this.ask(signal, { method: 'POST', path: '/rollouts/current/resume', body, fine: [409] });
  }

  private async commit({ choice }: Act, signal: AbortSignal): Promise<void> {
    const toggled = choice % services.length;
    const { open } = this.version;
    const next = open.includes(toggled) ? open.filter((i) => i !== toggled) : [...open, toggled];
    this.version = { open: next, isStaged: choice % 5 < 3 };
    await this.publish(policyFiles(this.version, this.world.points), signal, choice % 4 === 0);
  }

  private async mistake(signal: AbortSignal): Promise<void> {
    const { repository, policy } = this.world;
    policy.begin();
    const commit = repository.commit(badFiles, 'a mistake');
    policy.committed(commit, this.version, false);
    await this.sync(commit, signal);
    await this.publish({ 'rules/flows-bad.csv': null }, signal);
  }

  private async publish(
    files: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
    isLeftToPoll = false,
  ): Promise<void> {
    const { repository, policy, note } = this.world;
    policy.begin();
    const words = JSON.stringify(this.version);
    const commit = repository.commit(files, words);
    policy.committed(commit, this.version, true);
    note(`  ${commit.slice(0, 8)} ${words}`);
    if (!isLeftToPoll) await this.sync(commit, signal);
  }

  /** The controller answers what became of it: from then on it must know of it for ever. */
  private async sync(commit: string, signal: AbortSignal): Promise<void> {
    const { body } = await this.ask(signal, { method: 'POST', path: '/policy/sync' });
    const { status, commit: judged } = body as { status: string; commit?: string };
    if (judged === commit) this.world.ledger.commits.add(commit);
    this.world.note(`  ${commit.slice(0, 8)}: ${status}`);
  }

  private async setPosture({ choice, number }: Act, signal: AbortSignal): Promise<void> {
    const { mac } = deviceOf(choice);
    const { ledger } = this.world;
    const record = ledger.devices.get(mac);
    // A stranger that nobody has registered yet.
    if (!record) return;
    const posture = record.posture === 'normal' ? 'quarantined' : 'normal';
    const reason = `chaos ${number}`;
    const asked: Asked = { method: 'PUT', path: `/devices/${mac}/posture`, body: { posture, reason } };
    await this.change(mac, { ...record, posture }, () => this.ask(signal, asked));
    ledger.reasons.push(reason);
  }

  /** It is on no port yet. */
  private async registerNewcomer({ number }: Act, signal: AbortSignal): Promise<void> {
    const mac = macOf(4096 + this.newcomers++);
    const body = { mac, class: 'infusion-pump', name: `chaos ${number}` };
    await this.ask(signal, { method: 'POST', path: '/devices', body, fine: [409] });
    this.world.ledger.devices.set(mac, pumpRecord);
  }

  /** A stranger becomes a pump, or nobody knows it any more. */
  private async meetStranger({ choice, number }: Act, signal: AbortSignal): Promise<void> {
    const { mac } = strangerOf(choice);
    const { ledger } = this.world;
    const isKnown = ledger.devices.has(mac);
    const asked: Asked = isKnown
      ? { method: 'DELETE', path: `/devices/${mac}`, fine: [404] }
      : {
          method: 'POST',
          path: '/devices',
          body: { mac, class: 'infusion-pump', name: `chaos ${number}` },
          fine: [409],
        };
    await this.change(mac, isKnown ? noRecord : pumpRecord, () => this.ask(signal, asked));
    if (isKnown) ledger.devices.delete(mac);
  }

  /** From when it is asked for until it is acknowledged the device may count as either. */
  private async change(
    mac: string,
    record: { readonly class: string; readonly posture: string },
    ask: () => Promise<unknown>,
  ): Promise<void> {
    const { judge, ledger } = this.world;
    const standing = standingOf(record);
    const release = judge.device(mac).hold('change');
    judge.mayStand(mac, standing);
    try {
      await ask();
      ledger.devices.set(mac, record);
      judge.stands(mac, standing);
    } finally {
      release(Date.now());
    }
  }

  private async operateRollout({ number, choice }: Act, signal: AbortSignal): Promise<void> {
    const { policy, ledger, note } = this.world;
    const operation = operations[choice % operations.length]!;
    const reason = `chaos ${number} ${operation}`;
    policy.begin();
    const { status } = await this.ask(signal, {
      method: 'POST',
      path: `/rollouts/${operation}`,
      body: { reason },
      fine: [409],
    });
    policy.begin();
    note(`  ${operation}: ${status}`);
    // Pausing what is paused, and going on with what goes on, changes nothing and is not in the trail.
    if (status < 300 && !/pause|resume/.test(operation)) ledger.reasons.push(reason);
  }

  private async breakGlass({ choice, number }: Act, signal: AbortSignal): Promise<void> {
    const { judge, ledger } = this.world;
    const { mac } = deviceOf(choice);
    const record = ledger.devices.get(mac);
    if (!record) return;
    const course = judge.device(mac);
    const [release, ended, reason]: [(now: number) => void, Standing, string] = [
      course.hold('change'),
      standingOf(record),
      `chaos ${number}`,
    ];
    try {
      judge.mayStand(mac, 'open');
      const body = { mac, hours: openSeconds / 3600, by: 'Dr. Chaos', reason };
      const opened = await this.ask(signal, { method: 'POST', path: '/break-glass', body });
      const { id, until } = opened.body as { id: number; until: string };
      ledger.reasons.push(reason);
      ledger.orders.set(id, { isClosed: false });
      judge.stands(mac, 'open');
      release(Date.now());
      // What was asked for twice may be there twice.
      if (choice % 3 === 0 && opened.tries === 1) await this.close(id, mac, ended, signal);
      else await pause(Date.parse(until) - Date.now(), signal);
    } finally {
      judge.stands(mac, ended);
      course.touch('change', Date.now());
      release(Date.now());
    }
  }

  private async close(id: number, mac: string, ended: Standing, signal: AbortSignal): Promise<void> {
    const { judge, ledger } = this.world;
    await pause((openSeconds * 1000) / 3, signal);
    const release = judge.device(mac).hold('change');
    judge.mayStand(mac, ended);
    try {
      const { status } = await this.ask(signal, { method: 'DELETE', path: `/break-glass/${id}`, fine: [409] });
      if (status === 200) ledger.orders.set(id, { isClosed: true });
    } finally {
      release(Date.now());
    }
  }

  private async use(mac: string, signal: AbortSignal): Promise<void> {
    if (this.inUse.has(mac)) return;
    this.inUse.set(mac, this.world.judge.device(mac).hold('change'));
    await this.ask(signal, { method: 'POST', path: '/devices/in-use', body: { macs: [mac], inUse: true } });
  }

  /** Asks until it is answered; throws on another refusal than was to be expected. */
  private async ask(
    signal: AbortSignal,
    { method, path, body, fine = [] }: Asked,
  ): Promise<Answer<unknown> & { readonly tries: number }> {
    for (let tries = 1; !signal.aborted; tries++) {
      const answer = await this.world.controller.call<unknown>(method, path, body).catch(() => null);
      if (answer && (answer.status < 300 || fine.includes(answer.status))) return { ...answer, tries };
      if (answer) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      await pause(retryMilliseconds, signal);
    }
    throw new Error('interrupted');
  }
}

const recordOf = ({ choice }: Act): string => `record ${deviceOf(choice).mac}`;
