import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { ControllerClient, readControllerOptions, type ControllerArguments } from '../controller-client.js';
import { green, print, printJson } from '../output.js';
import { UsageError } from '../policy-files.js';

export interface BackupOptions extends ControllerArguments {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** The controller makes its copy before it answers. */
const mostSeconds = 3600;

/** A whole copy of the controller's database, in a file for its owner alone. The file is there once it is whole, and on the disk. */
export async function backup(file: string, options: BackupOptions): Promise<number> {
  if (existsSync(file) && !options.force) throw new UsageError(`${file} exists: name another file, or say --force`);
  const client = new ControllerClient(readControllerOptions(options, process.env));
  const part = `${file}.part`;
  await rm(part, { force: true });
  const hash = createHash('sha256');
  let bytes = 0;
  const out = await open(part, 'wx', 0o600).catch((error: unknown) => {
    throw new UsageError(`${part} can't be written: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    for await (const piece of client.download('/api/v1/backup', mostSeconds)) {
      await out.write(piece);
      hash.update(piece);
      bytes += piece.byteLength;
    }
    await out.sync();
    await out.close();
    await rename(part, file);
  } catch (error) {
    await out.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
  const digest = hash.digest('hex');
  if (options.json) printJson({ ok: true, file, bytes, sha256: digest });
  else print(`${green('backup')}: ${file}, ${bytes} bytes, sha256 ${digest}`);
  return 0;
}
