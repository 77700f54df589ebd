import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** Documents that people read; what stands in blocks of code is no link. */
const documents = [
  'README.md',
  ...['docs', 'docs/adr', 'policies', 'apps', 'libs', 'test']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: folder !== 'docs' && folder !== 'docs/adr' }).map(
        (name) => `${folder}/${String(name)}`,
      ),
    )
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules')),
];
const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');

/** As forges name the headings of a page. */
const anchorsOf = (text: string): string[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('links', () => {
  it.each(documents)('of %s lead to a file that is there, and to a heading in it', (document) => {
    const broken = [...withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? document : relative(root, join(root, dirname(document), path));
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('are in many documents', () => expect(documents.length).toBeGreaterThan(40));
});

describe('docs/security.md', () => {
  it('names tests that exist: by their path, and by their name alone where the path stands before', () => {
    const named = [...read('docs/security.md').matchAll(/`([\w./-]+\.(?:spec|e2e)\.ts)`/g)].map(
      ([, path = '']) => path,
    );
    expect(named.length).toBeGreaterThan(40);
    const known = new Set<string>();
    const unknown = named.filter((path) => {
      if (!path.includes('/')) return !known.has(path);
      known.add(basename(path));
      return !existsSync(join(root, path));
    });
    expect(unknown).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it('says of each secret that is configured how to change it', () => {
    const sources = [
      'apps/controller/src/config.ts',
      'apps/controller/src/forges/forge-config.ts',
      'apps/radius-bridge/src/config.ts',
    ];
    const variables = new Set(
      sources.flatMap(
        (path) => read(path).match(/\bCORDON_\w*(TOKEN|SECRET|KEY|SIGNERS|KEYRING|OWNERS|KNOWN_HOSTS)\w*\b/g) ?? [],
      ),
    );
    expect(variables.size).toBeGreaterThan(10);
    const guide = read('docs/operations.md');
    expect([...variables].filter((name) => !guide.includes(name))).toEqual([]);
  });
});
