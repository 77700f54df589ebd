import { compareDiagnostics, failure, success, type Diagnostic, type Result, type SourceSpan } from '#base';
import type { Family } from '#net';
import { z } from 'zod';
import { finding } from './codes.js';
import { readJson, type JsonText } from './json-text.js';
import { isProblem, readMatches } from './matches.js';
import type { Direction, MudEntry, MudFile } from './mud-file.js';

const name = z.string().min(1).max(64);
const lists = z.looseObject({ 'access-lists': z.looseObject({ 'access-list': z.array(z.looseObject({ name })) }) });
const about = z.looseObject({
  'mud-version': z.int(),
  'mud-url': z.url({ protocol: /^https$/, error: 'must be an https URL' }).max(1024),
  'last-update': z.iso.datetime({ offset: true, error: 'must be an instant, as 2026-11-30T08:00:00Z' }),
  'cache-validity': z.int().min(1).max(168).default(48),
  'is-supported': z.boolean(),
  systeminfo: z.string().max(1024).default(''),
  'mfg-name': z.string().max(1024).optional(),
  'model-name': z.string().max(1024).optional(),
  'from-device-policy': lists.optional(),
  'to-device-policy': lists.optional(),
});
const entry = z.looseObject({
  name,
  matches: z.record(z.string(), z.unknown()).default({}),
  actions: z.looseObject({
    forwarding: z
      .string()
      .regex(/^(ietf-access-control-list:)?(accept|drop|reject)$/, 'must be accept, drop or reject'),
  }),
});
const list = z.looseObject({ name, type: z.string(), aces: z.looseObject({ ace: z.array(entry) }) });
const acls = z.looseObject({ acl: z.array(list) });

const listsKey = 'ietf-access-control-list:acls';
/** Its name in drafts of RFC 8519, which tools still write. */
const draftKey = 'ietf-access-control-list:access-lists';
const mudKey = 'ietf-mud:mud';
/** Of `ietf-mud:mud`: read, or known to say nothing about traffic. */
const knownFields = new Set([
  ...Object.keys(about.shape),
  'mud-signature',
  'firmware-rev',
  'software-rev',
  'documentation',
  'extensions',
]);

/** Reads a MUD file. `file` is its name in messages. Conditions that policy can't carry are kept as the problem of their entry. */
export function parseMud(text: string, file: string): Result<MudFile> {
  const json = readJson(text);
  if ('what' in json) {
    const hint = 'fetch the file again from its MUD URL, as it is, without its signature';
    return failure([finding('mud-syntax', json.what, hint, { file, line: json.line, column: json.column })]);
  }
  return new MudReader(json, file).read();
}

type About = z.infer<typeof about>;
type List = z.infer<typeof list>;

class MudReader {
  private readonly found: Diagnostic[] = [];

  constructor(
    private readonly json: JsonText,
    private readonly file: string,
  ) {}

  read(): Result<MudFile> {
    const root = this.check(
      z.looseObject({ [mudKey]: z.looseObject({ 'mud-version': z.int() }) }),
      this.json.value,
      [],
    );
    if (!root) return this.refused();
    if (root[mudKey]['mud-version'] !== 1) {
      const summary = `mud-version is ${root[mudKey]['mud-version']}, and only version 1 is known`;
      this.add('mud-version', summary, 'ask the manufacturer for a file of RFC 8520', [mudKey, 'mud-version']);
      return this.refused();
    }
    const key = this.listsKeyOf(root);
    const meta = this.check(about, root[mudKey], [mudKey]);
    const known = key === null ? { acl: [] } : this.check(acls, root[key], [key]);
    if (!meta || !known) return this.refused();
    this.reportUnknown(root, meta, key);
    const entries = this.entriesOf(meta, known.acl, key ?? listsKey);
    return this.found.some(({ severity }) => severity === 'error')
      ? this.refused()
      : success(fileOf(meta, entries), this.sorted());
  }

  private listsKeyOf(root: Record<string, unknown>): string | null {
    const [isFinal, isDraft] = [listsKey in root, draftKey in root];
    if (isFinal && isDraft) {
      this.add('mud-schema', `both \`${listsKey}\` and \`${draftKey}\` are there`, 'keep one of them', [draftKey]);
      return null;
    }
    if (!isDraft) return isFinal ? listsKey : null;
    const hint = `nothing to do: it is read as \`${listsKey}\``;
    this.add('mud-draft-names', `the access lists stand under \`${draftKey}\``, hint, [draftKey]);
    return draftKey;
  }

  private reportUnknown(root: Record<string, unknown>, meta: About, key: string | null): void {
    const places = [
      ...Object.keys(root)
        .filter((one) => one !== mudKey && one !== key)
        .map((one) => [one]),
      ...Object.keys(meta)
        .filter((one) => !knownFields.has(one))
        .map((one) => [mudKey, one]),
    ];
    for (const path of places)
      this.add('mud-ignored', `\`${path.join('/')}\` is not known`, 'read what it says: it is not used', path);
    if (meta['is-supported']) return;
    const hint = 'there will be no more corrections of it: allow it as little as you can';
    this.add('mud-unsupported', 'the manufacturer does not support the device any more', hint, [
      mudKey,
      'is-supported',
    ]);
  }

  private entriesOf(meta: About, known: readonly List[], key: string): Record<Direction, MudEntry[]> {
    const byName = new Map<string, number>();
    for (const [i, one] of known.entries()) {
      if (byName.has(one.name)) this.duplicate(`access list \`${one.name}\``, [key, 'acl', i, 'name']);
      byName.set(one.name, i);
    }
    const used = new Set<number>();
    const of = (direction: Direction): MudEntry[] => {
      const field = `${direction}-policy` as const;
      const named = meta[field]?.['access-lists']['access-list'] ?? [];
      return named.flatMap(({ name: wanted }, i) => {
        const at = byName.get(wanted);
        if (at === undefined) {
          const path = [mudKey, field, 'access-lists', 'access-list', i, 'name'];
          const hint = 'without it nobody knows what the device may do: ask for a whole file';
          this.add('mud-list-missing', `there is no access list \`${wanted}\``, hint, path);
          return [];
        }
        used.add(at);
        return this.entriesIn(known[at]!, direction, [key, 'acl', at]);
      });
    };
    const entries = { 'from-device': of('from-device'), 'to-device': of('to-device') };
    for (const [i, one] of known.entries())
      if (!used.has(i))
        this.add('mud-list-unused', `no policy names access list \`${one.name}\``, 'nothing to do', [key, 'acl', i]);
    return entries;
  }

  private entriesIn({ name: of, type, aces }: List, direction: Direction, path: readonly PropertyKey[]): MudEntry[] {
    const family = familyOfList(type);
    const names = new Set<string>();
    return aces.ace.map((one, i) => {
      const at = [...path, 'aces', 'ace', i];
      if (names.has(one.name)) this.duplicate(`entry \`${one.name}\` of \`${of}\``, [...at, 'name']);
      names.add(one.name);
      const about = {
        list: of,
        name: one.name,
        direction,
        span: this.span(at),
        family,
        accepts: one.actions.forwarding.endsWith('accept'),
      };
      if (family === null) {
        const problem = finding('mud-not-ip', `the list is of type \`${type}\``, notIpHint, about.span);
        return { ...about, matches: null, problem };
      }
      const read = readMatches(one.matches, family);
      if (!isProblem(read)) return { ...about, matches: read, problem: null };
      const { code, summary, hint } = read;
      return {
        ...about,
        matches: null,
        problem: finding(code, summary, hint, this.span([...at, 'matches', ...read.path])),
      };
    });
  }

  private check<T>(schema: z.ZodType<T>, value: unknown, path: readonly PropertyKey[]): T | null {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const field = issue.path.map(String).join('/');
      const hint = 'RFC 8520 §2 says what stands there; old drafts have other names';
      this.add('mud-schema', `\`${field}\`: ${issue.message.toLowerCase()}`, hint, [...path, ...issue.path]);
    }
    return null;
  }

  private duplicate(what: string, path: readonly PropertyKey[]): void {
    this.add('mud-duplicate', `${what} stands twice`, 'ask for a file in which each name stands once', path);
  }

  private add(code: Parameters<typeof finding>[0], summary: string, hint: string, path: readonly PropertyKey[]): void {
    this.found.push(finding(code, summary, hint, this.span(path)));
  }

  private span(path: readonly PropertyKey[]): SourceSpan {
    return { file: this.file, ...this.json.placeOf(path) };
  }

  private sorted(): Diagnostic[] {
    return [...this.found].sort(compareDiagnostics);
  }

  private refused(): Result<MudFile> {
    return failure(this.sorted());
  }
}

const notIpHint = 'Cordon filters IP: what switches do with other frames is set there';

function familyOfList(type: string): Family | null {
  const plain = type.replace(/^ietf-access-control-list:/, '');
  return plain === 'ipv4-acl-type' ? 4 : plain === 'ipv6-acl-type' ? 6 : null;
}

function fileOf(meta: About, entries: MudFile['entries']): MudFile {
  return {
    url: new URL(meta['mud-url']).href,
    lastUpdate: meta['last-update'],
    cacheValidity: meta['cache-validity'],
    isSupported: meta['is-supported'],
    systemInfo: meta.systeminfo,
    manufacturer: meta['mfg-name'] ?? null,
    model: meta['model-name'] ?? null,
    entries,
  };
}
