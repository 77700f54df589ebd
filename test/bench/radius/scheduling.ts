import { mustRun } from './side.ts';

/** How the kernel treats the thread of a bridge or a controller that answers: like any other, or as the unit of its README has it. */
export const policies = ['usual', 'SCHED_RR'] as const;
export type Policy = (typeof policies)[number];

/** The main thread alone: systemd's CPUSchedulingResetOnFork leaves the others and the workers as they are. */
export function schedule(pid: number, policy: Policy): void {
  const args = policy === 'SCHED_RR' ? ['--reset-on-fork', '--rr', '--pid', '1'] : ['--other', '--pid', '0'];
  mustRun('chrt', [...args, `${pid}`]);
}
