import { compareText } from '#base';
import type { ChangePlan } from '../driver.js';
import { editList } from './edit-list.js';
import type { Make } from './make.js';
import { fingerprint, type DeviceList, type ObservedLists } from './model.js';

type Lists = ObservedLists['lists'];

/** Between what is there and what is to be entered. */
const changeMark = '! change';

/**
 * A change is the lines that are entered, behind the lists that are there: played from the beginning (`parse`) they give what stands on
 * the switch afterwards, so the very lines that go out can be proved. What comes comes before what goes.
 */
export function plan(make: Make, wanted: ObservedLists, observed: ObservedLists | null): ChangePlan {
  const there: Lists = observed?.lists ?? new Map();
  const steps = describe(make, wanted.lists, there);
  if (steps.length === 0) return { kind: 'none', steps: [], commands: '' };
  const lines = [...[...there.values()].flatMap((list) => listLines(make, list)), changeMark];
  return { kind: 'rules', steps, commands: `${[...lines, ...editLines(make, there, wanted.lists)].join('\n')}\n` };
}

/** Of a plan's commands, those that are entered. */
export function linesToEnter(commands: string): string[] {
  const lines = commands.split('\n').filter((line) => line !== '');
  return lines.slice(lines.indexOf(changeMark) + 1);
}

/** Lines that turn the one into the other. */
export function editLines(make: Make, there: Lists, wanted: Lists): string[] {
  const out: string[] = [];
  for (const [key, list] of wanted) {
    const edits = editList(there.get(key)?.entries ?? [], list.entries);
    if (edits.length === 0) continue;
    out.push(
      make.head(list),
      ...edits.map((edit) =>
        'add' in edit
          ? make.entryLine(list.family, edit.add.number, edit.add.text)
          : make.removal(list.family, edit.remove),
      ),
    );
  }
  for (const [key, list] of there) if (!wanted.has(key)) out.push(`no ${make.head(list)}`);
  return out;
}

const listLines = (make: Make, list: DeviceList): string[] => [
  make.head(list),
  ...list.entries.map(({ number, text }) => make.entryLine(list.family, number, text)),
];

function describe(make: Make, wanted: Lists, there: Lists): string[] {
  const out = new Set<string>();
  for (const [key, list] of wanted) {
    const name = make.policyName(list);
    const found = there.get(key);
    if (!found) out.add(`add list ${name}`);
    else if (found.notes.length > 0)
      out.add(`list ${name} is not in force as it stands, the switch says: ${found.notes[0]}`);
    else if (fingerprint(found) !== fingerprint(list)) out.add(`put list ${name} right, which is not as rendered`);
  }
  const gone = [...there].filter(([key]) => !wanted.has(key)).map(([, list]) => make.policyName(list));
  for (const name of gone.sort(compareText)) out.add(`remove list ${name}`);
  return [...out];
}
