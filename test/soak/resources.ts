import { readdirSync } from 'node:fs';
import { childrenOf, memoryOf } from '../bench/radius/process-tree.ts';
import { pause } from './pause.ts';

const everyMilliseconds = 5000;

/** Megabytes that are resident, and open file descriptors; null: the process did not run. */
export interface Reading {
  readonly megabytes: number;
  readonly files: number;
}

export const watchedProcesses = ['bridge', 'EAP workers', 'controller'] as const;
export type Watched = (typeof watchedProcesses)[number];
export type Sample = Readonly<Record<Watched, Reading | null>>;

function read(pids: readonly number[]): Reading | null {
  if (pids.length === 0) return null;
  try {
    return {
      megabytes: pids.reduce((sum, pid) => sum + memoryOf(pid).resident, 0),
      files: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
    };
  } catch {
    // It ended meanwhile.
    return null;
  }
}

/** What the processes hold, every five seconds. */
export class Resources {
  private readonly bridge: number;
  private readonly controller: () => number | null;
  readonly samples: Sample[] = [];

  constructor(bridge: number, controller: () => number | null) {
    this.bridge = bridge;
    this.controller = controller;
  }

  get last(): Sample | null {
    return this.samples.at(-1) ?? null;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const controller = this.controller();
      this.samples.push({
        bridge: read([this.bridge]),
        'EAP workers': read(childrenOf(this.bridge)),
        controller: controller === null ? null : read([controller]),
      });
      await pause(everyMilliseconds, signal);
    }
  }
}
