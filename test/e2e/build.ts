import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** End-to-end tests run what users run: the build, brought up to date once before the first of them. */
export default function build(): void {
  // Seeded faults are in the build already.
  if (process.env['CORDON_IS_BUILT'] === '1') return;
  const root = join(import.meta.dirname, '../..');
  const done = spawnSync(process.execPath, [join(root, 'node_modules/@nestjs/cli/bin/nest.js'), 'build'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`the build failed:\n${done.stdout}${done.stderr}`);
}
