import type { AclEntry } from '#net';
import type { NasEntry, ServerDownEntry } from '#policy';
import type { PortTarget } from '../target.js';
import type { Layout, Node, Setting } from './setting.js';

/** What a switch is to do by itself, in no make's words. */
export interface Wanted {
  readonly nas: NasEntry;
  readonly serverDown: ServerDownEntry;
  /** What newcomers may send. */
  readonly acl: readonly AclEntry[];
  /** Stands where the secret belongs. */
  readonly secret: string;
}

/** The same in the words of a make. */
export interface Configuration {
  /** Name of the list for newcomers; null: this configuration has none. */
  readonly list: string | null;
  /** Settings that must stand before the list, and those after it. */
  readonly before: readonly Setting[];
  readonly after: readonly Setting[];
  /** Blocks that are Cordon's alone: a line more in them means something else. */
  readonly closed: readonly (readonly string[])[];
}

/**
 * One make of switch: how it is told what to do while no RADIUS server answers. Data and pure functions; proving is done by
 * `renderServerDown`, comparing by `verifyServerDown`.
 */
export interface SwitchMake {
  /** Of the file that holds such a configuration. */
  readonly extension: string;
  readonly layout: Layout;
  readonly target: PortTarget;
  configure(wanted: Wanted): Configuration;
  /** Names by which the list of this name is asked for in a configuration. */
  listNames(name: string): readonly string[];
  /** The lines of a configuration that are of the list: those that tell where packets come from are none. */
  listText(text: string, name: string): string;
  /** Whether a block of a running-config is a port where devices authenticate. */
  isAccessPort(node: Node): boolean;
}
