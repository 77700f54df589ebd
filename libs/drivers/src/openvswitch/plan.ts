import { compareText, remembered } from '#base';
import { stateOf, type EnforcementRules, type EnforcementState } from '#model';
import type { ChangePlan, ObservedState } from '../driver.js';
import { explainLines, shorten, without } from '../plan-steps.js';
import { formatFlow } from './flow.js';
import type { Ends, Layout } from './layout.js';
import { memberSets, readSetName, type MemberSet } from './members.js';
import { observe, parseArtefact } from './parse.js';
import { classNumbers, formatPort, memberFlow, membersOf, render } from './render.js';

const nobody: ReadonlySet<string> = new Set();

type Membership = ObservedState['membership'];

interface Changes {
  readonly steps: string[];
  /** `- LINE`: away with it. `+ LINE`: there it must be. */
  readonly commands: string[];
}

interface ExpectedRules extends Pick<ObservedState, 'rulesFingerprint' | 'ruleIds'> {
  readonly sets: ReadonlyMap<string, MemberSet>;
}

/**
 * Rules that differ are planned as the whole artefact, so that it can be proved; the session changes of it what is not there already.
 * When only members or ports differ, only their lines are planned: a device that comes or goes costs the same however many rules there are.
 */
export class OpenvswitchPlanner {
  private readonly rules = new WeakMap<EnforcementRules, ExpectedRules>();
  private readonly expected = new WeakMap<EnforcementState, ObservedState>();

  constructor(private readonly layout: Layout) {}

  /** What `parse` gives for the artefact of `state`. Members come and go many times while the rules stay: these are rendered once. */
  expect(state: EnforcementState): ObservedState {
    return remembered(this.expected, state, () => {
      const { sets, ...rules } = this.expectRules(state.rules);
      return { ...rules, membership: membersOf(sets, state), ports: state.ports };
    });
  }

  plan(desired: EnforcementState, observed: ObservedState | null): ChangePlan {
    const wanted = this.expect(desired);
    if (!observed || observed.rulesFingerprint !== wanted.rulesFingerprint)
      return { kind: 'rules', steps: explainRules(wanted, observed), commands: render(this.layout, desired) };
    const members = this.planMembers(desired.rules, wanted.membership, observed.membership);
    const ports = planPorts(wanted.ports, observed.ports);
    const commands = [...members.commands, ...ports.commands];
    if (commands.length === 0) return { kind: 'none', steps: [], commands: '' };
    return {
      kind: 'membership',
      steps: shorten([...members.steps, ...ports.steps]),
      commands: commands.map((line) => `${line}\n`).join(''),
    };
  }

  private expectRules(rules: EnforcementRules): ExpectedRules {
    return remembered(this.rules, rules, () => {
      const artefact = parseArtefact(render(this.layout, stateOf(rules)));
      if (!artefact) throw new Error('the rendered artefact has no flows');
      const { rulesFingerprint, ruleIds } = observe(this.layout, artefact);
      return { rulesFingerprint, ruleIds, sets: memberSets(this.layout, artefact.flows.values()) };
    });
  }

  private planMembers({ entries }: EnforcementRules, wanted: Membership, present: Membership): Changes {
    const out: Changes = { steps: [], commands: [] };
    const classes = new Map([...classNumbers(entries)].map(([name, number]) => [number, name]));
    const touched = new Map<string, readonly [Ends, string]>();
    for (const set of [...new Set([...wanted.keys(), ...present.keys()])].sort(compareText)) {
      const { end, number } = readSetName(set);
      const name = `class ${classes.get(number) ?? `0x${number.toString(16)}`} (${end})`;
      const [before, after] = [present.get(set) ?? nobody, wanted.get(set) ?? nobody];
      const [gone, fresh] = [without(before, after), without(after, before)];
      out.steps.push(...gone.map((address) => `remove ${address} from ${name}`));
      out.steps.push(...fresh.map((address) => `add ${address} to ${name}`));
      for (const address of [...gone, ...fresh]) touched.set(`${end} ${address}`, [end, address]);
    }
    for (const [end, address] of touched.values())
      for (const [sign, membership] of [
        ['-', present],
        ['+', wanted],
      ] as const) {
        const numbers = classesOf(membership, end, address);
        if (numbers.length > 0)
          out.commands.push(`${sign} ${formatFlow(memberFlow(this.layout, end, address, numbers))}`);
      }
    return out;
  }
}

/** Numbers of the classes that an address is of, at one end: one flow says them all. */
const classesOf = (membership: Membership, end: Ends, address: string): number[] =>
  [...membership]
    .filter(([set, members]) => set.startsWith(end) && members.has(address))
    .map(([set]) => readSetName(set).number);

function planPorts(wanted: ReadonlyMap<string, number>, present: ReadonlyMap<string, number>): Changes {
  const out: Changes = { steps: [], commands: [] };
  for (const name of [...new Set([...wanted.keys(), ...present.keys()])].sort(compareText)) {
    const [before, after] = [present.get(name), wanted.get(name)];
    if (before === after) continue;
    if (before !== undefined) out.commands.push(`- ${formatPort(name, before)}`);
    if (after !== undefined) out.commands.push(`+ ${formatPort(name, after)}`);
    out.steps.push(
      after === undefined ? `let go of port ${name} in VLAN ${before}` : `put port ${name} into VLAN ${after}`,
    );
  }
  return out;
}

function explainRules(wanted: ObservedState, observed: ObservedState | null): string[] {
  if (!observed) return [`make flows for ${wanted.ruleIds.size} policy lines`];
  return explainLines(
    wanted,
    observed,
    `bring the flows of ${wanted.ruleIds.size} policy lines`,
    'their flows in the bridge are not as rendered',
  );
}

/** What a plan comes down to, of flows and ports: lines of an artefact. */
export interface LineChange {
  readonly gone: readonly string[];
  readonly fresh: readonly string[];
}

/** `before`: the artefact that is there, as read. */
export function changeOf({ kind, commands }: ChangePlan, before: string): LineChange {
  const lines = linesOf(commands);
  if (kind === 'rules') {
    const [wanted, present] = [new Set(lines), new Set(linesOf(before))];
    return { gone: without(present, wanted), fresh: without(wanted, present) };
  }
  const of = (sign: string): string[] => lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(2));
  return { gone: of('- '), fresh: of('+ ') };
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
