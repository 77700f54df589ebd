import type { Outcome } from '../bench-case.ts';
import { benchSnapshot, startCordon } from './cordon-side.ts';
import { eapYaml, issueCredentials } from './credentials.ts';
import { eapGenerator } from './case-eap.ts';
import { childrenOf, memoryOf, type Memory } from './process-tree.ts';
import { macsOf, round, type RadiusCase } from './radius-case.ts';
import { startSessions } from './session-starter.ts';
import { secret } from './side.ts';

/** Until replies are no longer kept against duplicates, refreshed sessions are written and the spool is empty. */
const settleMilliseconds = 15_000;
const handshakes = 200;
const inFlight = 8;

/** What a large hospital is: as the devices are in the index, and half of them are on the network. */
export const memoryCase: RadiusCase = {
  name: 'memory',
  targets: [{ figure: 'all processes, MB resident', want: 'at most', limit: 500 }],
  run: async ({ folder, isQuick, nodeFlags, progress }): Promise<Outcome> => {
    const devices = isQuick ? 20_000 : 100_000;
    const macs = macsOf(devices);
    const credentials = issueCredentials(folder, 'ecdsa', macs.slice(0, inFlight));
    const side = await startCordon({ folder, macs, nodeFlags, snapshot: benchSnapshot(eapYaml(credentials)) });
    const eap = eapGenerator();
    try {
      progress(`${devices / 2} devices come`);
      const ports = { authentication: side.port, accounting: side.accountingPort };
      await startSessions(ports, macs.slice(0, devices / 2), secret);
      const busy = readMemory(side.pid);
      progress('handshakes, so that the workers have worked');
      const job = { port: side.port, secret, devices: credentials.devices, inFlight, resumes: false };
      await eap.run({ ...job, version: '1.3', until: { count: handshakes } });
      progress('settling');
      await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
      const { sessions, devices: known } = await side.status();
      const quiet = readMemory(side.pid);
      return outcomeOf({ known, sessions, busy, quiet });
    } finally {
      eap.close();
      await side.close();
    }
  },
};

interface Reading {
  readonly main: Memory;
  readonly workers: readonly Memory[];
}

const readMemory = (pid: number): Reading => ({ main: memoryOf(pid), workers: childrenOf(pid).map(memoryOf) });

function outcomeOf(found: { known: number; sessions: number; busy: Reading; quiet: Reading }): Outcome {
  const { known, sessions, busy, quiet } = found;
  const total = ({ main, workers }: Reading, of: keyof Memory): number =>
    [main, ...workers].reduce((sum, memory) => sum + memory[of], 0);
  const row = (reading: Reading): Record<string, number> => ({
    'main process, MB': round(reading.main.resident),
    workers: reading.workers.length,
    'workers, MB': round(reading.workers.reduce((sum, { resident }) => sum + resident, 0)),
    'all, MB': round(total(reading, 'resident')),
    'all, what is shared counted once, MB': round(total(reading, 'proportional')),
  });
  return {
    rows: { 'when the last one has come': row(busy), 'at rest': row(quiet) },
    figures: {
      devices: known,
      sessions,
      'main process, MB resident': quiet.main.resident,
      'all processes, MB resident': Math.max(total(busy, 'resident'), total(quiet, 'resident')),
      'all processes, MB proportional': Math.max(total(busy, 'proportional'), total(quiet, 'proportional')),
    },
    notes: [`${known} devices known, ${sessions} sessions open; of both readings the larger counts`],
  };
}
