import { compareText, type Diagnostic } from '#base';
import { checkPoint } from '#drivers';
import { namePlaces, PolicyChecker, type CheckedPolicy } from '#policy';
import { pathToFileURL } from 'node:url';
import { isFolder, readPolicyFolder } from '../policy-files.js';
import { TextDocument } from './text-document.js';

export type NamePlace = ReturnType<typeof namePlaces>[number];

/** A policy as its editor has it: texts that are open stand over files on disk. */
export class PolicyFolder {
  private readonly checker = new PolicyChecker(checkPoint);
  private readonly open = new Map<string, string>();
  private disk: ReadonlyMap<string, string> | null = null;
  private together: ReadonlyMap<string, string> | null = null;
  private places: readonly NamePlace[] | null = null;
  private last: CheckedPolicy | null = null;

  constructor(readonly root: string) {}

  /** Null closes it. */
  edit(name: string, text: string | null): void {
    if (text === null) this.open.delete(name);
    else this.open.set(name, text);
    this.together = null;
    this.places = null;
  }

  /** Files may be others now. */
  reread(): void {
    this.disk = null;
    this.together = null;
    this.places = null;
  }

  get openNames(): readonly string[] {
    return [...this.open.keys()];
  }

  get files(): ReadonlyMap<string, string> {
    this.disk ??= readNow(this.root);
    this.together ??= new Map([...this.disk, ...this.open]);
    return this.together;
  }

  document(name: string): TextDocument {
    return new TextDocument(this.files.get(name) ?? '');
  }

  check(at: Date): readonly Diagnostic[] {
    const checked = this.checker.check(this.files, at);
    if (checked.ok) this.last = checked.value;
    return checked.diagnostics;
  }

  /** The last state that did load: what names stand for, while a line is being written. */
  get known(): CheckedPolicy | null {
    return this.last;
  }

  /** Every place of every name that is declared. */
  get names(): readonly NamePlace[] {
    this.places ??= placesIn(this.files);
    return this.places;
  }

  nameAt(name: string, offset: number): NamePlace | null {
    const here = this.names.filter((place) => place.file === name && place.start <= offset && offset <= place.end);
    // Of places that touch, the one that begins here.
    return here.sort((a, b) => b.start - a.start)[0] ?? null;
  }

  placesOf({ space, name }: Pick<NamePlace, 'space' | 'name'>): readonly NamePlace[] {
    return this.names
      .filter((place) => place.space === space && place.name === name)
      .sort((a, b) => compareText(a.file, b.file) || a.start - b.start);
  }

  /** Catalog entries; of a group without one, the memberships that make it. */
  declarationsOf(place: Pick<NamePlace, 'space' | 'name'>): readonly NamePlace[] {
    const all = this.placesOf(place).filter(({ isDeclaration }) => isDeclaration);
    const entries = all.filter(({ file }) => file.startsWith('catalog/'));
    return entries.length > 0 ? entries : all;
  }
}

export const uriOf = ({ root }: PolicyFolder, name: string): string => pathToFileURL(`${root}/${name}`).href;

function readNow(folder: string): ReadonlyMap<string, string> {
  try {
    return isFolder(folder) ? readPolicyFolder(folder) : new Map();
  } catch (error) {
    // A file went while the folder was read: the watch tells of it.
    if (error instanceof Error && 'code' in error) return new Map();
    throw error;
  }
}

function placesIn(files: ReadonlyMap<string, string>): readonly NamePlace[] {
  try {
    return namePlaces(files);
  } catch (error) {
    // YAML that is nested deeper than the stack is: the check says so.
    if (error instanceof RangeError) return [];
    throw error;
  }
}
