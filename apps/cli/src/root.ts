import { join } from 'node:path';

/** Folder of the package: this file runs as dist/apps/cli/src/root.js. */
export const packageRoot = join(import.meta.dirname, '../../../..');
