import { statSync } from 'node:fs';
import { green, print, red } from '../output.js';
import { isFolder, readPolicyFolder, UsageError } from '../policy-files.js';
import { baseFiles, findBase } from '../watch/change-base.js';
import { FolderWatch } from '../watch/folder-watch.js';
import { LivePolicy } from '../watch/live-policy.js';
import { headline, liveJson, liveText, type ShownRun } from '../watch/live-text.js';
import { Screen, usualColumns } from '../watch/screen.js';
import { readInstant } from './policy.js';

export interface WatchOptions {
  readonly policy: string;
  readonly base?: string;
  readonly flows?: string;
  readonly inventory?: string;
  readonly at?: string;
  readonly poll?: boolean;
  readonly json?: boolean;
}

export const watchHelp = `
Ctrl-C ends it, with exit code 0. It writes nothing and changes nothing.
On a terminal the page is drawn anew at each save; else there is one block for each, and with --json one line.
docs/editing.md says more.`;

/** What shows runs, and that there is nothing to run. */
interface View {
  show(run: ShownRun): void;
  /** The folder can't be read. */
  wait(folder: string, why: string): void;
  close(): void;
}

/** Checks and plans at every save until it is stopped. One run at a time: what changes meanwhile is in the next one, all of it together. */
export async function watchPolicy(options: WatchOptions): Promise<number> {
  const { policy: folder, base = null, inventory, flows } = options;
  const at = options.at === undefined ? null : readInstant(options.at);
  if (!isFolder(folder)) readPolicyFolder(folder);
  findBase(folder, base);
  const beside = [inventory, flows].filter((file) => file !== undefined);
  for (const file of beside) mustBeThere(file);
  const live = new LivePolicy({ folder, base, at, inventory, flows });
  const view = options.json ? jsonView : process.stdout.isTTY ? terminalView() : blockView;
  const watch = new FolderWatch(
    { folder, beside: [...beside, ...baseFiles(folder)], poll: options.poll ?? false },
    () => look(),
  );
  const look = (): void => {
    const files = readNow(folder);
    if (files === null) return watch.again();
    if (typeof files === 'string') return view.wait(folder, files);
    const begun = performance.now();
    try {
      const run = live.run(files, new Date());
      if (run) view.show({ ...run, folder, seen: new Date(), took: Math.round(performance.now() - begun) });
    } catch (error) {
      // The base went.
      if (!(error instanceof UsageError)) throw error;
      view.wait(folder, error.message);
    }
  };
  const end = stopped();
  try {
    look();
    await end;
  } finally {
    watch.close();
    view.close();
  }
  return 0;
}

function mustBeThere(file: string): void {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`\`${file}\` is no file`);
}

/** Null: files went while they were read. A text says why nothing can be read. */
function readNow(folder: string): ReadonlyMap<string, string> | string | null {
  if (!isFolder(folder)) return 'the folder is not there';
  try {
    return readPolicyFolder(folder);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return error.code === 'ENOENT' || error.code === 'ENOTDIR' ? null : error.message;
  }
}

/** Ctrl-C may come twice: from the terminal, and from the program that started this one. */
const stopped = (): Promise<void> =>
  new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => done());
  });

const blockWidth = 120;
/** Entries of a list that a page, and a block, has room for. */
const onPage = 6;
const inBlock = 20;

const blockView: View = {
  show: (run) => print(liveText(run, blockWidth, inBlock)),
  wait: (folder, why) => print(`${headline({ folder, seen: new Date(), saved: [] })}\n\n${red(why)}\n`),
  close: () => undefined,
};

const jsonView: View = {
  show: (run) => print(JSON.stringify(liveJson(run))),
  wait: (folder, why) => print(JSON.stringify({ seen: new Date().toISOString(), ok: false, folder, fault: why })),
  close: () => undefined,
};

function terminalView(): View {
  const { stdout } = process;
  const screen = new Screen(stdout);
  let last = '';
  const draw = (text: string): void => {
    last = text;
    screen.show(text);
  };
  const again = (): void => screen.again();
  stdout.on('resize', again);
  // Also when a fault ends this: a terminal without a cursor is nobody's.
  process.once('exit', () => screen.close());
  return {
    show: (run) => draw(liveText(run, Math.max(stdout.columns || usualColumns, 40), onPage)),
    wait: (folder, why) => draw(`${headline({ folder, seen: new Date(), saved: [] })}\n\n${red(why)}; waiting for it`),
    close: () => {
      stdout.off('resize', again);
      screen.close();
      stdout.write(last);
      print(green('stopped'));
    },
  };
}
