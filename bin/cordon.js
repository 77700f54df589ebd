#!/usr/bin/env node
// Runs the built command with Node 24: the project brings one along in node_modules, since Debian's may be older.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'dist/apps/cli/src/main.js');
const [major, minor] = process.versions.node.split('.').map(Number);
const isRecent = major > 22 || (major === 22 && minor >= 16);

if (!existsSync(main)) {
  process.stderr.write('cordon is not built yet: run `npm ci` in its folder (or `npm run build` after a change)\n');
  process.exit(1);
}
if (isRecent) {
  await import(main);
} else {
  const own = join(root, 'node_modules/.bin/node');
  if (!existsSync(own)) {
    process.stderr.write(
      `cordon needs Node 22.16 or newer, this is ${process.versions.node}: run \`npm ci\` in its folder\n`,
    );
    process.exit(1);
  }
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
}
