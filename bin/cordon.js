#!/usr/bin/env node
// Runs the built command with Node 24: the project brings one along in node_modules, since Debian's may be older.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'dist/apps/cli/src/main.js');
const [major, minor] = process.versions.node.split('.').map(Number);
const isRecent = major > 22 || (major === 22 && minor >= 13);

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
      `cordon needs Node 22.13 or newer, this is ${process.versions.node}: run \`npm ci\` in its folder\n`,
    );
    process.exit(1);
  }
  const result = spawnSync(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(result.status ?? 1);
}
