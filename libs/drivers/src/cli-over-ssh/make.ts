import type { Ace, AclEntry, Family, LineWords } from '#net';
import type { ListKey } from './model.js';

export type MakeName = 'ios-xe' | 'aos-cx';

/** What a session with a switch can do for a make. */
export interface Cli {
  /** As whom we are there. */
  readonly user: string;
  /** A command in the first mode, and what the switch says to it. Throws on a refusal, in the switch's words. */
  ask(command: string): Promise<string>;
  /** As `ask`; a refusal is an answer like any other. */
  try(command: string): Promise<string>;
  /** Goes into configuration by this command, and says what the switch said. */
  configure(command: string): Promise<string>;
  /** One line of configuration. Throws unless the switch takes it without a word. */
  enter(line: string): Promise<void>;
}

/** All that differs between the command lines of two makes. */
export interface Make {
  readonly name: MakeName;
  /** Of names of policy's lists. */
  readonly longestName: number;

  /** What the list of a family is called there, and the way back. */
  listName(name: string, family: Family): string;
  policyName(key: ListKey): string;
  head(key: ListKey): string;
  entryLine(family: Family, number: number, ace: string): string;
  removal(family: Family, number: number): string;
  /** Without number; several only for a range of ICMP types. */
  renderEntry(entry: AclEntry): readonly string[];
  /** Why an entry can't be said; null: it can. */
  readonly missingWords: (entry: AclEntry) => string | null;

  /** The head of a list, in a configuration or a listing. */
  readHead(line: string): ListKey | null;
  /** The list that a remark of the switch is about, if the remark says that the list is not in force as it stands. */
  readNote(line: string): ListKey | null;
  readAce(words: LineWords, family: Family): Ace;

  /** What the command line is told first: no pages. */
  readonly preparation: readonly string[];
  readonly showLists: string;
  /** What the switch may say to a line of configuration without meaning no. */
  readonly notices: readonly RegExp[];
  readonly refusal: RegExp;
  /** Whether a change of ours waits for its confirmation. Throws `RemoteFault` where it is somebody else's. */
  isPending(cli: Cli): Promise<boolean>;
  /** Begins a change that the switch takes back after so many minutes, and goes into configuration. */
  begin(cli: Cli, minutes: number): Promise<void>;
  /** Throws `RemoteFault` where there is nothing to confirm any more. */
  confirm(cli: Cli): Promise<void>;
  /** Stops the clock of a change whose session is gone: what stands there is read, and put right from there. */
  settle(cli: Cli): Promise<void>;
  /** Makes the running configuration that of the next start. */
  save(cli: Cli): Promise<void>;
}
