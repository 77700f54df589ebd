import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** What each library may import; `import type` and specs may also reach what stands in `types`. */
const libraries: Readonly<Record<string, { may: readonly string[]; types?: readonly string[] }>> = {
  base: { may: [] },
  net: { may: ['base'] },
  model: { may: ['base', 'net'] },
  radius: { may: ['base', 'net'] },
  policy: { may: ['base', 'net', 'model', 'radius'] },
  plan: { may: ['base', 'net', 'model', 'radius', 'policy', 'artefacts'] },
  learn: { may: ['base', 'net', 'model', 'policy', 'plan'] },
  programs: { may: [] },
  drivers: { may: ['base', 'net', 'model', 'programs'] },
  artefacts: { may: ['base', 'net', 'model', 'radius', 'policy', 'drivers'] },
  reconcile: { may: ['base', 'net', 'model', 'policy', 'plan'], types: ['drivers'] },
  gitops: { may: ['base', 'programs'] },
  testkit: { may: ['base', 'net', 'model'] },
};

const sockets = new Set([
  'node:http',
  'node:http2',
  'node:https',
  'node:net',
  'node:dgram',
  'node:tls',
  'node:child_process',
  'node:fs',
  'node:fs/promises',
]);
const isTest = (file: string): boolean =>
  file.endsWith('.spec.ts') ||
  file.startsWith('test/') ||
  /^apps\/[^/]+\/test\//.test(file) ||
  file.includes('/testdata/');
/** What specs share may read fixtures. */
const isFixture = (file: string): boolean => isTest(file) || /^libs\/[^/]+\/src\/spec\//.test(file);

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf(text: string): Import[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const statements = code.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  const calls = code.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [
    ...[...statements].map(([, type, from]) => ({ from: from!, typeOnly: type !== undefined })),
    ...[...calls].map(([, from]) => ({ from: from!, typeOnly: false })),
  ];
}

/** `libs/policy`, `apps/cli` or the top folder. */
function partOf(file: string): string {
  const [top = '', name = ''] = file.split('/');
  return top === 'libs' || top === 'apps' ? `${top}/${name}` : top;
}

function targetOf(file: string, from: string): string | null {
  if (from.startsWith('#')) return `libs/${from.slice(1).split('/')[0]}`;
  if (!from.startsWith('.')) return null;
  return partOf(relative(root, join(root, file, '..', from)));
}

/** What breaks the direction of imports, as `file: why`. */
function violations(files: ReadonlyMap<string, string>): string[] {
  const out: string[] = [];
  for (const [file, text] of files) {
    for (const { from, typeOnly } of importsOf(text)) {
      const why = judgeImport(file, from, typeOnly);
      if (why) out.push(`${file}: ${why}`);
    }
    const readsEnv = /\bprocess\.env\b|\bprocess\[['"]env|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/.test(text);
    // `main.ts` hands the environment to `config.ts`, which reads it.
    const mayReadEnv =
      isTest(file) || file.startsWith('apps/cli/') || /^apps\/[^/]+\/src\/([^/]+\/)?(config|main)\.ts$/.test(file);
    if (readsEnv && !mayReadEnv && !file.endsWith('.config.ts')) out.push(`${file}: reads process.env`);
  }
  return out;
}

function judgeImport(file: string, from: string, typeOnly: boolean): string | null {
  const here = partOf(file);
  const there = targetOf(file, from);
  if (from === 'casbin' && !isTest(file) && here !== 'apps/controller' && !file.startsWith('libs/policy/src/casbin/'))
    return 'imports casbin outside its folder';
  if (there === 'libs/testkit' && here !== there && !isFixture(file)) return 'imports the testkit outside tests';
  if (!here.startsWith('libs/')) {
    const isOtherApp = here.startsWith('apps/') && there?.startsWith('apps/') === true && there !== here;
    return isOtherApp && !isTest(file) ? `imports ${there}` : null;
  }
  if (there === null) return judgePackage(file, here, from);
  if (there === here || (there === 'libs/testkit' && isFixture(file))) return null;
  const rule = libraries[here.slice('libs/'.length)];
  if (!rule) return `${here} is not known here: say what it may import`;
  const target = there.startsWith('libs/') ? there.slice('libs/'.length) : there;
  const allowed =
    there.startsWith('libs/') &&
    (rule.may.includes(target) || ((typeOnly || isTest(file)) && rule.types?.includes(target)));
  return allowed ? null : `imports ${there}`;
}

const mayReach = (library: string): boolean => library === 'libs/gitops' || library === 'libs/programs';

function judgePackage(file: string, here: string, from: string): string | null {
  if (from.startsWith('@nestjs/') || from === 'typeorm' || from.startsWith('typeorm/')) return `imports ${from}`;
  const isTransport = /^libs\/drivers\/.*\/transport[^/]*\.ts$/.test(file);
  const name = from.startsWith('node:') ? from : `node:${from}`;
  if (!sockets.has(name) || isFixture(file) || isTransport || mayReach(here)) return null;
  return `imports ${from}`;
}

function sources(): Map<string, string> {
  const paths = ['apps', 'libs', 'test'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.includes('node_modules'))
      .map(({ parentPath, name }) => join(parentPath, name)),
  );
  return new Map(paths.map((path) => [relative(root, path), readFileSync(path, 'utf8')]));
}

describe('imports', () => {
  it('all follow the layers', () => {
    const files = sources();
    expect(files.size).toBeGreaterThan(150);
    expect([...files.values()].flatMap(importsOf).length).toBeGreaterThan(500);
    for (const library of Object.keys(libraries)) {
      const own = [...files.keys()].filter((file) => file.startsWith(`libs/${library}/`));
      expect({ library, files: own.length }).not.toEqual({ library, files: 0 });
    }
    // This file holds every violation as an example.
    files.delete('test/deps.spec.ts');
    expect(violations(files)).toEqual([]);
  });

  it.each([
    ['libs/base/src/a.ts', `import { parseMac } from '#net';`],
    ['libs/net/src/a.ts', `import { parseMac } from '../../model/src/index.js';`],
    ['libs/model/src/a.ts', `import type { Policy } from '#policy';`],
    ['libs/policy/src/a.ts', `export * from '#plan';`],
    ['libs/policy/src/a.ts', `import {\n  a,\n  b,\n} from '#reconcile';`],
    ['libs/radius/src/a.ts', `import '#model';`],
    ['libs/gitops/src/a.ts', `const { a } = await import('#net');`],
    ['libs/drivers/src/a.ts', `import { a } from '#policy';`],
    ['libs/reconcile/src/a.ts', `import { a } from '#drivers';`],
    ['libs/policy/src/a.ts', `import { portTargets } from '#artefacts';`],
    ['libs/learn/src/a.ts', `import { checkPoint } from '#drivers';`],
    ['libs/plan/src/a.ts', `import { a } from '../../../apps/cli/src/main.js';`],
    ['libs/new/src/a.ts', `import { a } from '#base';`],
    ['libs/policy/src/a.ts', `import { policyFiles } from '#testkit';`],
    ['apps/cli/src/a.ts', `import { a } from '#testkit';`],
    ['apps/cli/src/a.ts', `import { a } from '../../controller/src/app.module.js';`],
    ['apps/controller/src/a.ts', `import type { A } from '../../radius-bridge/src/config.js';`],
    ['libs/policy/src/a.ts', `import { Injectable } from '@nestjs/common';`],
    ['libs/model/src/a.ts', `import { Entity } from 'typeorm';`],
    ['libs/policy/src/a.ts', `import { readFileSync } from 'node:fs';`],
    ['libs/radius/src/a.ts', `import { createSocket } from 'dgram';`],
    ['libs/drivers/src/nftables/render.ts', `import { spawn } from 'node:child_process';`],
    ['libs/policy/src/compile/a.ts', `import { newEnforcer } from 'casbin';`],
    ['apps/cli/src/a.ts', `import { newEnforcer } from 'casbin';`],
    ['libs/base/src/a.ts', `const home = process.env['HOME'];`],
    ['apps/controller/src/a.ts', `const { env } = process;`],
  ])('a violation is found in %s: %s', (file, text) => {
    expect(violations(new Map([[file, text]]))).toHaveLength(1);
  });

  it.each([
    ['libs/policy/src/a.ts', `import { nasProfile } from '#radius';`],
    ['libs/reconcile/src/a.ts', `import type { Driver } from '#drivers';`],
    ['libs/policy/src/a.spec.ts', `import { policyFiles } from '#testkit';\nimport { readFileSync } from 'node:fs';`],
    ['libs/drivers/src/nftables/transport.ts', `import { spawn } from 'node:child_process';`],
    ['libs/gitops/src/a.ts', `import { mkdtemp } from 'node:fs/promises';`],
    ['libs/policy/src/casbin/a.ts', `import { newEnforcer } from 'casbin';`],
    ['apps/controller/src/config.ts', `const port = process.env['PORT'];`],
    ['apps/cli/src/a.ts', `import { loadPolicy } from '#policy';\nconst home = process.env['HOME'];`],
    ['libs/base/src/a.ts', `// import { a } from '#policy';\n/* import '#net'; */`],
  ])('nothing is wrong in %s: %s', (file, text) => {
    expect(violations(new Map([[file, text]]))).toEqual([]);
  });
});
