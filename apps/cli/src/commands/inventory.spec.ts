import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseInventory, planPolicy, type Inventory, type PolicyPlan } from '#plan';
import { compilePolicy, loadPolicy } from '#policy';
import { readPolicyFolder, UsageError } from '../policy-files.js';
import { exportInventory, type InventoryExportOptions } from './inventory.js';

const token = 'a-token-of-the-test';
const at = new Date('2026-11-24T12:30:00Z');
const classes = ['infusion-pump', 'syringe-pump', 'x-ray', 'no-such-class'];
/** Places of the sample hospital, one that it has not, and none. */
const places = [
  { site: 'main', nas: 'main-idf3-sw1' },
  { site: 'main', nas: null },
  { site: 'elsewhere', nas: 'gone' },
  { site: null, nas: null },
];
const items = Array.from({ length: 2400 }, (_, i) => ({
  mac: `00:1a:2b:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
  class: classes[i % classes.length]!,
  ...places[(i >> 2) % places.length]!,
  posture: i % 3 === 0 ? 'verified' : 'unverified',
  addresses: [`10.21.${i >> 8}.${i & 255}`],
}));

let server: Server;
let folder: string;
let failsFrom = Infinity;
const asked: number[] = [];
const printed: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-inventory-'));
  server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x');
    const limit = Number(url.searchParams.get('limit'));
    const first = Number(url.searchParams.get('cursor') ?? '0');
    if (request.headers.authorization !== `Bearer ${token}` || url.pathname !== '/api/v1/inventory') {
      response.writeHead(401).end();
      return;
    }
    if (first >= failsFrom) {
      response.writeHead(503).end();
      return;
    }
    asked.push(limit);
    const next = first + limit < items.length ? `${first + limit}` : null;
    response.end(JSON.stringify({ items: items.slice(first, first + limit), next }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
});
afterAll(() => {
  vi.restoreAllMocks();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  failsFrom = Infinity;
  asked.length = 0;
  printed.length = 0;
});

const run = (options: Omit<InventoryExportOptions, 'out'> & { out?: string }) => {
  const env = {
    CORDON_TOKEN: token,
    CORDON_CONTROLLER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
  return exportInventory({ out: join(folder, 'out.csv'), ...options }, env);
};

async function exported(options: Partial<InventoryExportOptions>): Promise<{ text: string; inventory: Inventory }> {
  expect(await run(options)).toBe(0);
  const text = readFileSync(join(folder, 'out.csv'), 'utf8');
  const parsed = parseInventory(text, 'devices.csv');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return { text, inventory: parsed.value };
}

describe('an exported inventory', () => {
  it('keeps MAC and IP addresses only when told to, and warns', async () => {
    const plain = await exported({ identifiers: true });
    expect(plain.text).toContain('00:1a:2b:00:00:05,syringe-pump,main,,unverified,10.21.0.5');
    expect(printed.join('')).toContain('names every device');
    for (const options of [{}, { counts: true }]) {
      printed.length = 0;
      const { text } = await exported(options);
      expect(text).not.toMatch(/00:1a|10\.21\./);
      expect(printed.join('')).not.toContain('warning');
    }
    expect(statSync(join(folder, 'out.csv')).mode & 0o777).toBe(0o600);
  });

  it('is asked for in pages', async () => {
    const { inventory } = await exported({});
    expect(asked).toEqual([1000, 1000, 1000]);
    expect(inventory.devices).toHaveLength(items.length);
  });

  it('gives the same plan in every form, but for the names of devices', async () => {
    const before = readPolicyFolder(join(import.meta.dirname, '../../../../policies'));
    const rules = 'rules/flows-medical.csv';
    const after = new Map(before).set(
      rules,
      before.get(rules)!.replace(/^p, infusion-pump, pump-gateway, https.*\n/m, ''),
    );
    const sides = [before, after].map((files) => {
      const policy = loadPolicy(files);
      const snapshot = policy.ok ? compilePolicy(policy.value, at) : policy;
      if (!policy.ok || !snapshot.ok) throw new Error(JSON.stringify(snapshot.diagnostics));
      return { policy: policy.value, snapshot: snapshot.value, diagnostics: [] };
    });
    const planOf = (inventory: Inventory): PolicyPlan => {
      const plan = planPolicy({ from: sides[0]!, to: sides[1]!, inventory, flows: null });
      if (!plan.ok) throw new Error(JSON.stringify(plan.diagnostics));
      return plan.value;
    };
    const nameless = (plan: PolicyPlan) => ({
      ...plan,
      access: { ...plan.access, changes: plan.access.changes.map((change) => ({ ...change, sample: [] })) },
      // In the order of their lines, which are not the same.
      findings: plan.findings.map(({ span: _, ...finding }) => JSON.stringify(finding)).sort(),
    });
    const plain = planOf((await exported({ identifiers: true })).inventory);
    expect(plain.summary.devices).toMatchObject({ total: 2400 });
    expect(plain.summary.devices!.changed).toBeGreaterThan(100);
    expect(plain.summary.devices!.unplaced).toBeGreaterThan(600);
    for (const options of [{}, { counts: true }]) {
      const hidden = planOf((await exported(options)).inventory);
      expect(nameless(hidden)).toEqual(nameless(plain));
    }
  });

  it('has the same ids with the same key, and others with another', async () => {
    const key = join(folder, 'key');
    const ids = async (options: Partial<InventoryExportOptions>): Promise<string> => (await exported(options)).text;
    writeFileSync(key, 'a'.repeat(64));
    const first = await ids({ keyFile: key });
    expect(await ids({ keyFile: key })).toBe(first);
    writeFileSync(key, 'b'.repeat(64));
    expect(await ids({ keyFile: key })).not.toBe(first);
    expect(await ids({})).not.toBe(await ids({}));
    writeFileSync(key, 'short');
    await expect(run({ keyFile: key })).rejects.toThrow(/too short.*openssl/);
  });

  it('says how many devices have no known place', async () => {
    await exported({ json: true, counts: true });
    const unplaced = items.filter(({ site, nas }) => site === null && nas === null).length;
    expect(JSON.parse(printed.join(''))).toMatchObject({ devices: 2400, unplaced, form: 'counted' });
  });

  it('is written as a whole or not at all', async () => {
    await exported({ counts: true });
    const before = readFileSync(join(folder, 'out.csv'), 'utf8');
    failsFrom = 2000;
    await expect(run({})).rejects.toThrow(UsageError);
    expect(readFileSync(join(folder, 'out.csv'), 'utf8')).toBe(before);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it.each([
    [{ identifiers: true, counts: true }, /take one/],
    [{ counts: true, keyFile: 'k' }, /--key-file/],
    [{ keyFile: '/nowhere/key' }, /can't be read/],
    [{ out: '/nowhere/out.csv' }, /--out/],
  ])('%j is refused', async (options, message) => {
    await expect(run(options)).rejects.toThrow(message);
  });
});
