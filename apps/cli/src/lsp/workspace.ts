import type { Diagnostic } from '#base';
import { fileURLToPath } from 'node:url';
import { join, resolve, sep } from 'node:path';
import { isFolder } from '../policy-files.js';
import { FolderWatch } from '../watch/folder-watch.js';
import { PolicyFolder, uriOf } from './policy-folder.js';
import { severityNumbers } from './protocol.js';

interface Watched {
  readonly folder: PolicyFolder;
  readonly watch: FolderWatch;
  /** Files about which something was said last. */
  told: readonly string[];
  timer: NodeJS.Timeout | null;
}

export interface WorkspaceOptions {
  /** Milliseconds without a change before a policy is checked. */
  readonly settle: number;
  readonly now: () => Date;
  readonly publish: (uri: string, diagnostics: readonly unknown[]) => void;
}

/** The policies that texts of an editor belong to. Each is checked when nothing has changed for a moment, in the editor or on disk. */
export class Workspace {
  private readonly folders = new Map<string, Watched>();

  constructor(
    private given: string | null,
    private readonly options: WorkspaceOptions,
  ) {}

  /** Instead of those that files are found in. */
  setFolder(path: string): void {
    this.given = path;
  }

  /** Null: no file of a policy. */
  locate(uri: string): { readonly folder: PolicyFolder; readonly name: string } | null {
    const path = pathOf(uri);
    const root = path === null ? null : this.rootOf(path);
    if (path === null || root === null) return null;
    const name = path
      .slice(root.length + 1)
      .split(sep)
      .join('/');
    return { folder: this.watched(root).folder, name };
  }

  /** Null closes it: what is on disk counts again. */
  edit(uri: string, text: string | null): void {
    const here = this.locate(uri);
    if (!here) return;
    here.folder.edit(here.name, text);
    this.checkSoon(this.watched(here.folder.root));
  }

  close(): void {
    for (const { watch, timer } of this.folders.values()) {
      watch.close();
      if (timer) clearTimeout(timer);
    }
    this.folders.clear();
  }

  private rootOf(path: string): string | null {
    const given = this.given === null ? null : resolve(this.given);
    if (given !== null) return path.startsWith(given + sep) ? given : null;
    const parts = path.split(sep);
    // The outermost: in a policy, only the folder's own files are read.
    for (let length = 1; length < parts.length; length++) {
      const root = parts.slice(0, length).join(sep);
      const [next = ''] = parts.slice(length);
      const isLike = ['rules', 'catalog', 'network', 'tests', 'cordon.yaml', 'model.conf'].includes(next);
      if (isLike && isFolder(join(root, 'rules')) && isFolder(join(root, 'catalog'))) return root;
    }
    return null;
  }

  private watched(root: string): Watched {
    const known = this.folders.get(root);
    if (known) return known;
    const folder = new PolicyFolder(root);
    const changed = (): void => {
      folder.reread();
      this.checkSoon(made);
    };
    const watch = new FolderWatch({ folder: root, beside: [], poll: false }, changed);
    const made: Watched = { folder, watch, told: [], timer: null };
    this.folders.set(root, made);
    // What names stand for is asked before anything is edited.
    this.check(made);
    return made;
  }

  private checkSoon(watched: Watched): void {
    if (watched.timer) clearTimeout(watched.timer);
    watched.timer = setTimeout(() => this.check(watched), this.options.settle);
  }

  private check(watched: Watched): void {
    watched.timer = null;
    const { folder } = watched;
    const found = folder.check(this.options.now());
    const first = folder.openNames[0] ?? 'cordon.yaml';
    // What is wrong with no file in particular is told where somebody is.
    const byFile = Map.groupBy(found, ({ span }) => (span && folder.files.has(span.file) ? span.file : first));
    const names = [...new Set([...watched.told, ...byFile.keys(), ...folder.openNames])];
    for (const name of names) {
      const document = folder.document(name);
      const own = (byFile.get(name) ?? []).map((one) => ({
        range: document.rangeOf(one.span?.file === name ? one.span : { file: name, line: 1, column: 1 }),
        severity: severityNumbers[one.severity],
        code: one.code,
        source: 'cordon',
        message: `${one.summary}\n${one.hint}`,
        relatedInformation: relatedOf(folder, one),
      }));
      this.options.publish(uriOf(folder, name), own);
    }
    watched.told = [...byFile.keys()];
  }
}

/** More than these help nobody. */
const mostRelated = 20;

const relatedOf = (folder: PolicyFolder, { related = [] }: Diagnostic): unknown[] =>
  related
    .filter(({ span }) => folder.files.has(span.file))
    .slice(0, mostRelated)
    .map(({ span, summary }) => ({
      location: { uri: uriOf(folder, span.file), range: folder.document(span.file).rangeOf(span) },
      message: summary,
    }));

/** Null: a text that is in no file. */
function pathOf(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    return null;
  }
}
