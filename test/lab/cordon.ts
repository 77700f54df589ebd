import type { Daemons } from './process.ts';

export class Cordon {
  readonly folder: string;
  readonly daemons: Daemons;
  readonly policyFolder: string;

  constructor(folder: string, daemons: Daemons, policyFolder: string) {
    this.folder = folder;
    this.daemons = daemons;
    this.policyFolder = policyFolder;
  }
}
