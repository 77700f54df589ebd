import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadPolicy } from '#policy';
import { policyFiles } from '#testkit';
import { readPolicyFolder } from '../policy-files.js';
import { importMudFile, type ImportMudOptions } from './import-mud.js';

const root = join(import.meta.dirname, '../../../..');
const real = (name: string): string => join(root, 'libs/learn/src/mud/testdata', `${name}.json`);
const folder = mkdtempSync(join(tmpdir(), 'cordon-mud-'));
const small = join(folder, 'small');
const options: ImportMudOptions = {
  policy: small,
  criticality: 'standard',
  parent: ['medical-device'],
  controller: ['urn:ietf:params:mud:dns=dns-servers'],
  manufacturer: [],
  model: [],
  device: [],
  resolve: ['tech.carematix.com=10.10.5.34', 'Tech.Carematix.COM.=fd10:5::34'],
  class: 'bp-meter',
  at: '2026-11-23T11:00:00Z',
};
let written: string[];

beforeAll(() => {
  const files = policyFiles({
    'catalog/endpoints-servers.yaml': `dns-servers: { addresses: [10.10.0.10, "fd10::10"] }
proxy: { addresses: [10.10.5.34, "fd10:5::34"] }
print-server: { addresses: [10.10.5.10, "fd10:5::10"] }
`,
    'catalog/applications-web.yaml': 'http: { ports: [tcp/80] }\n',
  });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(small, path)), { recursive: true });
    writeFileSync(join(small, path), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  written = [];
  const catchText = (text: unknown): boolean => written.push(String(text)) > 0;
  const caught = vi.spyOn(process.stdout, 'write').mockImplementation(catchText);
  return () => caught.mockRestore();
});

const said = (): string => written.join('');

describe('cordon import mud', () => {
  it('shows what it would add, and why an entry is left out', async () => {
    expect(await importMudFile(real('blood-pressure-meter'), options)).toBe(2);
    expect(said()).toContain('+p, bp-meter, bp-meter-tech-carematix-com, tcp-8777, allow, always,');
    expect(said()).toMatch(/blood-pressure-meter\.json:33:13: warning mud-peer-unmapped: `ipv4-to` `in-3`: /);
    expect(said()).toContain('nothing is written');
  });

  it('uses an endpoint of the policy that has the same addresses', async () => {
    const both = real('brother-printer');
    const proxy = ['update.brother.co.jp=10.10.5.34', 'update.brother.co.jp=fd10:5::34'];
    await importMudFile(both, { ...options, resolve: proxy, myController: 'print-server' });
    expect(said()).toMatch(/^\+p, bp-meter, proxy, http, allow, always/m);
    expect(said()).toMatch(/^\+p, bp-meter, print-server, any, allow, always/m);
    expect(said()).toMatch(/^\+p, print-server, bp-meter, any, allow, always/m);
  });

  it('writes files that load with the sample hospital, and never overwrites them', async () => {
    const copy = join(folder, 'policies');
    cpSync(join(root, 'policies'), copy, { recursive: true });
    const here = { ...options, policy: copy, out: copy };
    expect(await importMudFile(real('blood-pressure-meter'), here)).toBe(2);
    const rules = readFileSync(join(copy, 'rules/mud-bp-meter.csv'), 'utf8');
    expect(rules).toContain('g, bp-meter, medical-device\n');
    const loaded = loadPolicy(readPolicyFolder(copy));
    expect(loaded.ok && loaded.value.flowRules.filter(({ subject }) => subject === 'bp-meter')).toHaveLength(2);
    await expect(importMudFile(real('blood-pressure-meter'), here)).rejects.toMatchObject({
      diagnostics: expect.arrayContaining([expect.objectContaining({ code: 'mud-exists' })]) as unknown,
    });
    expect(readFileSync(join(copy, 'rules/mud-bp-meter.csv'), 'utf8')).toBe(rules);
  });

  it('tells where observed traffic departs from the file', async () => {
    const flows = join(folder, 'flows.csv');
    const inventory = join(folder, 'devices.csv');
    const times = '2026-11-01T08:00:00Z,2026-11-01T08:00:10Z';
    writeFileSync(
      flows,
      `first,last,source,destination,protocol,port,packets,bytes\n${times},10.21.0.7,10.10.5.34,tcp,8777,1,40\n${times},10.21.0.7,10.10.5.34,tcp,80,1,40\n`,
    );
    writeFileSync(inventory, 'mac,class,site,ip\n00:03:b1:4a:10:21,bp-meter,main,10.21.0.7\n');
    await importMudFile(real('blood-pressure-meter'), { ...options, flows, inventory });
    expect(said()).toContain('1 of 2 connections of such devices are what the file says');
    expect(said()).toContain('to 10.10.5.34 tcp/80: 1 connection of 1 device, last 2026-11-01T08:00:10.000Z, denied');
    await expect(importMudFile(real('blood-pressure-meter'), { ...options, flows })).rejects.toThrow('--device');
    await expect(importMudFile(real('blood-pressure-meter'), { ...options, inventory })).rejects.toThrow('--flows');
  });

  it('gives the same as JSON', async () => {
    expect(await importMudFile(real('blood-pressure-meter'), { ...options, json: true })).toBe(2);
    const answer = JSON.parse(said()) as Record<string, unknown[]>;
    expect(answer).toMatchObject({ ok: true, class: 'bp-meter', isKnownClass: false, written: false });
    expect(answer['leftOut']).toHaveLength(5);
    expect(answer['rules']).toHaveLength(2);
    expect(answer['answers']).toHaveLength(2);
  });

  it.each<[string, Partial<ImportMudOptions>, string]>([
    ['a name that the policy does not have', { local: 'nowhere' }, 'mud-unknown-name'],
    ['a class name that is none', { class: 'BP Meter' }, 'mud-class-name'],
    ['an endpoint as a class', { class: 'proxy' }, 'mud-class-name'],
    ['an endpoint above the class', { parent: ['proxy'] }, 'mud-unknown-name'],
  ])('is refused with %s', async (_, wrong, code) => {
    await expect(importMudFile(real('blood-pressure-meter'), { ...options, ...wrong })).rejects.toMatchObject({
      diagnostics: [{ code }],
    });
  });

  it.each<[string, Partial<ImportMudOptions>]>([
    ['a criticality that there is not', { criticality: 'low' }],
    ['an address that is none', { resolve: ['a.example.com=b'] }],
    ['a controller without name', { controller: ['urn:x'] }],
    ['a folder that is no policy', { out: tmpdir() }],
  ])('says how it is called, with %s', async (_, wrong) => {
    await expect(importMudFile(real('blood-pressure-meter'), { ...options, ...wrong })).rejects.toThrow(/--|no policy/);
  });

  it('is refused for a file that is no MUD file', async () => {
    const file = join(folder, 'x.json');
    writeFileSync(file, '{}');
    await expect(importMudFile(file, options)).rejects.toMatchObject({ diagnostics: [{ code: 'mud-schema' }] });
    await expect(importMudFile(join(folder, 'gone.json'), options)).rejects.toThrow('ENOENT');
  });
});
