import { driverFacts, type EnforcementRules, type EnforcementState } from '#model';
import { checkParts } from '../check-parts.js';
import { TerminalFault, type Driver, type DriverOptions, type EnforcementTarget } from '../driver.js';
import { checkListEntries, checkListNames } from '../lists.js';
import type { OpenChannel } from '../transport-ssh.js';
import { aosCx } from './aos-cx.js';
import { CliClient, type ClientLimits } from './client.js';
import { iosXe } from './ios-xe.js';
import type { Make, MakeName } from './make.js';
import { readMeaning } from './meaning.js';
import type { ObservedLists } from './model.js';
import { parse } from './parse.js';
import { plan } from './plan.js';
import { render } from './render.js';
import { CliSession } from './session.js';
import { aosCxTongue } from './simulated-aos-cx.js';
import { iosXeTongue } from './simulated-ios-xe.js';
import { SimulatedCli, type Tongue } from './simulated.js';
import { terminalChannel } from './transport.js';

const usualLimits: ClientLimits = { commandMilliseconds: 30_000, mostOutput: 16 * 1024 * 1024, confirmMinutes: 2 };
const makes: Readonly<Record<MakeName, readonly [Make, Tongue]>> = {
  'ios-xe': [iosXe, iosXeTongue],
  'aos-cx': [aosCx, aosCxTongue],
};

export interface CliDriver extends Driver {
  readonly parse: (text: string) => ObservedLists;
  /** What talks to a target, without the session that remembers; for tests. */
  clientOf(target: EnforcementTarget): CliClient;
  /** The device behind the target `{ kind: 'simulated', name }`: made at first use, kept as long as this driver. */
  simulated(name: string): SimulatedCli;
}

/** Switches that have nothing but their command line: lists that RADIUS names. Options: see README.md. */
export function createCliDriver(options: DriverOptions, limits: ClientLimits = usualLimits): CliDriver {
  const [make, tongue] = makes[options['make'] === 'aos-cx' ? 'aos-cx' : 'ios-xe'];
  const facts = { name: 'cli-over-ssh', enforces: driverFacts['cli-over-ssh'].enforces() } as const;
  const devices = new Map<string, SimulatedCli>();
  const simulated = (name: string): SimulatedCli => {
    const device = devices.get(name) ?? new SimulatedCli(tongue);
    devices.set(name, device);
    return device;
  };
  const read = (text: string): ObservedLists => parse(make, text);
  const expected = new WeakMap<EnforcementRules, ObservedLists>();
  const expect = ({ rules }: EnforcementState): ObservedLists => {
    const known = expected.get(rules) ?? read(render(make, rules.lists));
    expected.set(rules, known);
    return known;
  };
  const channelTo = (target: EnforcementTarget): readonly [open: OpenChannel, user: string] => {
    if (target.kind === 'simulated') return [simulated(target.name).openChannel, 'cordon'];
    if (target.kind === 'ssh') return [terminalChannel(target), target.user];
    throw new TerminalFault(`cli-over-ssh is not reached by \`${target.kind}\``);
  };
  const clientOf = (target: EnforcementTarget): CliClient => {
    const [open, user] = channelTo(target);
    return new CliClient(open, make, user, limits);
  };
  return {
    ...facts,
    capabilities: { atomic: false, stateful: false, cutsConnections: false, watchesCandidates: false },
    check: (state) => [
      ...checkParts(facts, state),
      ...checkListNames(facts.name, state.rules.lists, make.longestName),
      ...checkListEntries(facts.name, state.rules.lists, make.name, make.missingWords),
    ],
    render: ({ rules }) => render(make, rules.lists),
    parse: read,
    expect,
    plan: (desired, observed: ObservedLists | null) => plan(make, expect(desired), observed),
    meaningOf: (observed: ObservedLists) => ({
      list: (name) => readMeaning(make, observed, name),
      vlans: new Map(),
    }),
    connect: (target) => new CliSession(make, clientOf(target)),
    clientOf,
    simulated,
  };
}
