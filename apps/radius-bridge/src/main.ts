import { setFlagsFromString } from 'node:v8';

// Before anything that needs it is imported: `node:sqlite` without a flag, and type stripping, came with 22.13.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `cordon bridge needs Node 22.13 or later; this is ${process.version}: start it with a newer node\n`,
  );
  process.exit(1);
}
// The young generation grows to its full size at the first need. In a small one, replies that are kept for ten seconds against
// duplicates would be copied out again and again.
setFlagsFromString('--semi-space-growth-factor=8');
// It is collected by the main thread alone: little survives, and helpers on busy processors are waited for longer than they save.
setFlagsFromString('--no-parallel-scavenge');
const { boundHeapGrowth } = await import('./heap-growth.js');
boundHeapGrowth();
const { run } = await import('./run.js');
await run(process.env);
