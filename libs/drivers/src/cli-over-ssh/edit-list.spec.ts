import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listPackets } from '../conformance-states.js';
import { TerminalFault } from '../driver.js';
import { matchAcl, type AclPacket } from '#net';
import { editList } from './edit-list.js';
import { iosXe } from './ios-xe.js';
import { contentOf, type ListedEntry } from './model.js';
import { parse } from './parse.js';

const listOf = (lines: readonly string[]): readonly ListedEntry[] =>
  parse(iosXe, ['ip access-list extended cordon-x', ...lines.map((line) => ` ${line}`)].join('\n')).lists.get(
    '4 cordon-x',
  )!.entries;

/** As the switch: it takes no number and no entry twice, and gives up none that it does not have. */
function play(list: readonly ListedEntry[], edit: ReturnType<typeof editList>[number]): ListedEntry[] {
  if ('remove' in edit) {
    expect(list.map(({ number }) => number)).toContain(edit.remove);
    return list.filter(({ number }) => number !== edit.remove);
  }
  expect(list.map(({ number }) => number)).not.toContain(edit.add.number);
  expect(list.map(contentOf)).not.toContain(contentOf(edit.add));
  return [...list, edit.add].sort((a, b) => a.number - b.number);
}

/** No list, and an empty one, permit everything. */
const permits = (list: readonly ListedEntry[], packet: AclPacket): boolean =>
  list.length === 0 ||
  matchAcl(
    list.flatMap(({ means }) => means ?? []),
    packet,
  ) === 'permit';

const packets = listPackets.filter(({ destination }) => destination.family === 4);

function expectCareful(have: readonly ListedEntry[], want: readonly ListedEntry[]): number {
  const [before, after] = [have, want].map((list) => packets.map((packet) => permits(list, packet)));
  const edits = editList(have, want);
  let list = [...have];
  for (const [i, edit] of edits.entries()) {
    list = play(list, edit);
    const open = packets.filter((packet, at) => permits(list, packet) && !before![at] && !after![at]);
    expect({ i, edit, open }).toEqual({ i, edit, open: [] });
  }
  expect(list.map(contentOf)).toEqual(want.map(contentOf));
  return edits.length;
}

const aces = [
  'permit tcp any host 10.10.0.10 eq 8443',
  'permit tcp any 10.10.0.0 0.0.0.255',
  'permit ip any 10.10.0.0 0.0.255.255',
  'permit tcp any eq 3613 host 10.10.0.10 established',
  'permit udp any any range 5000 5010',
  'permit icmp any any 8',
  'deny tcp any host 10.10.0.66',
  'deny ip any host 10.10.0.10',
  'deny udp any any',
  'deny icmp any any',
];
const end = 'deny ip any any';
const numbered = (of: readonly string[]): string[] => of.map((ace, i) => `${10 * (i + 1)} ${ace}`);
const wanted = fc
  .uniqueArray(fc.constantFrom(...aces))
  .chain((of) => fc.shuffledSubarray(of, { minLength: of.length }))
  .map((of) => listOf(numbered([...of, end])));
/** Anything that a hand may have made of a list. */
const found = fc
  .uniqueArray(fc.constantFrom(...aces, end, 'permit ip any any'))
  .chain((of) =>
    fc.tuple(
      fc.shuffledSubarray(of, { minLength: of.length }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: of.length, maxLength: of.length }),
    ),
  )
  .map(([of, gaps]) => {
    let number = 0;
    return listOf(of.map((ace, i) => `${(number += gaps[i]!)} ${ace}`));
  });

describe('editing a list', () => {
  it('is what is wanted in the end, and never more open than before or after, whatever is there', () => {
    fc.assert(
      fc.property(found, wanted, (have, want) => {
        try {
          expectCareful(have, want);
        } catch (fault) {
          // a hand left no number free before the last deny
          if (!(fault instanceof TerminalFault)) throw fault;
          expect(
            have.some((entry) => contentOf(entry) === contentOf(want.at(-1)!) && entry.number <= want.length),
          ).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('makes a new list from its last deny on', () => {
    const edits = editList([], listOf(numbered([aces[0]!, aces[6]!, aces[1]!, end])));
    expect(edits.map((edit) => ('add' in edit ? edit.add.number : 0))).toEqual([40, 20, 10, 30]);
  });

  it.each([
    ['nothing', numbered([...aces, end]), 0],
    ['what is there under other numbers', [...aces, end].map((ace, i) => `${7 * i + 3} ${ace}`), 0],
    ['a permit that is missing', numbered([...aces, end]).slice(1), 1],
    ['a deny that is missing', numbered([...aces, end]).toSpliced(6, 1), 1],
    ['an entry that is too much', ['1 permit ip any any', ...numbered([...aces, end])], 1],
    ['a permit in the wrong place', ['5 permit icmp any any 8', ...numbered([...aces, end]).toSpliced(5, 1)], 2],
  ])('changes %s and nothing else', (_, lines, count) => {
    expect(expectCareful(listOf(lines), listOf(numbered([...aces, end])))).toBe(count);
  });

  it('keeps what both lists permit open all the time', () => {
    const both = packets.filter((packet) => permits(listOf([`10 ${aces[0]!}`, `20 ${end}`]), packet));
    let list = listOf(['5 permit ip any any', `20 ${aces[0]!}`, `30 ${end}`]);
    for (const edit of editList(list, listOf(numbered([aces[6]!, aces[0]!, aces[4]!, end])))) {
      list = play(list, edit);
      for (const packet of both) expect(permits(list, packet)).toBe(true);
    }
  });
});
