import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePair, ServeProcess } from './serve-process.js';
import { PolicyRepository, tinyPolicy } from './tiny-policy.js';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'bin/cordon.js');
const sample = join(root, 'policies');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cordon(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

// oxlint-disable-next-line typescript/no-explicit-any -- the answers of the command, looked into by each test
function json(...args: string[]): { code: number | null; value: any } {
  const { code, out } = cordon(...args, '--json');
  return { code, value: JSON.parse(out) };
}

/** The sample hospital with one file changed. */
function changedPolicy(name: string, file: string, change: (text: string) => string): string {
  const copy = join(folder, name);
  cpSync(sample, copy, { recursive: true });
  writeFileSync(join(copy, file), change(readFileSync(join(copy, file), 'utf8')));
  return copy;
}

const closeLibrary = (text: string): string => text.replace(/^p, infusion-pump, drug-library, https, allow.*$/m, '');

/** No test of the sample hospital asks for it. */
const closeGateway = (text: string): string => text.replace(/^p, infusion-pump, pump-gateway, https, allow.*$/m, '');

describe('cordon check', () => {
  it('accepts the sample hospital', () => {
    const { code, value } = json('check', sample);
    expect(code).toBe(0);
    expect(value.ok).toBe(true);
    expect(value.diagnostics.filter((d: { severity: string }) => d.severity === 'error')).toEqual([]);
  });

  it('names file, line, column and remedy of every error at once', () => {
    const broken = changedPolicy(
      'broken',
      'rules/flows-medical.csv',
      (text) => `${text}\np, infusion-pmp, ehr, https, alow, always, x\np, ehr, pacs, https, allow, always, x # why\n`,
    );
    const lines = readFileSync(join(broken, 'rules/flows-medical.csv'), 'utf8').split('\n');
    const { code, value } = json('check', broken);
    expect(code).toBe(1);
    expect(value.ok).toBe(false);
    const found = value.diagnostics.map((d: Record<string, unknown>) => [d['code'], d['file'], d['line'], d['column']]);
    const line = lines.findIndex((text) => text.includes('infusion-pmp')) + 1;
    expect(found).toContainEqual(['unknown-name', 'rules/flows-medical.csv', line, 4]);
    expect(found).toContainEqual(['bad-effect', 'rules/flows-medical.csv', line, 30]);
    expect(found).toContainEqual(['trailing-comment', 'rules/flows-medical.csv', line + 1, 39]);
    expect(JSON.stringify(value.diagnostics)).toContain('did you mean `infusion-pump`');
    for (const diagnostic of value.diagnostics) expect(diagnostic.hint).toMatch(/\w{3}/);
  });

  it('refuses a policy whose own invariant is broken, naming the line that opens it', () => {
    const opened = changedPolicy('opened', 'rules/flows-medical.csv', (text) =>
      text
        .replace(/^p, medical-device, internet, any, deny.*$/m, '')
        .concat('\np, infusion-pump, internet, https, allow, always, x\n'),
    );
    const base = changedPolicyInPlace(opened, 'rules/flows-base.csv', (text) =>
      text.replace(/^p, .*internet, any, deny.*$/gm, ''),
    );
    const { code, value } = json('check', base);
    expect(code).toBe(1);
    const failed = value.diagnostics.filter((d: { code: string }) => d.code === 'test-failed');
    expect(failed.length).toBeGreaterThan(0);
    expect(JSON.stringify(failed)).toMatch(
      /infusion-pump -> internet .*: expected DENY, got ALLOW by rules\/flows-medical\.csv:\d+/,
    );
  });

  it('fails on findings only when asked to, and names the rules that cause them', () => {
    const shadowed = changedPolicy(
      'shadowed',
      'rules/flows-medical.csv',
      (text) => `${text}\np, ventilator, web-proxy, http-proxy, allow, always, x\n`,
    );
    expect(cordon('check', shadowed).code).toBe(0);
    const { code, value } = json('check', shadowed, '--fail-on', 'warning');
    expect(code).toBe(3);
    expect(value.ok).toBe(true);
    const found = value.diagnostics.filter((d: { severity: string }) => d.severity === 'warning');
    expect(found).toMatchObject([{ code: 'rule-shadowed', file: 'rules/flows-medical.csv' }]);
    expect(found[0].related).toMatchObject([{ summary: 'p, medical-device, web-proxy, any, deny' }]);
    expect(cordon('check', sample, '--fail-on', 'warning').code).toBe(0);
    expect(cordon('check', sample, '--fail-on', 'never').err).toContain('`never` is not one of error, warning, info');
  });

  it('refuses a policy for a finding that its cordon.yaml makes an error', () => {
    const strict = changedPolicy(
      'strict',
      'cordon.yaml',
      () => 'check: { severities: { deny-without-effect: error } }',
    );
    const { code, out } = cordon('check', strict);
    expect(code).toBe(1);
    expect(out).toMatch(/error deny-without-effect: .*overrides no allow now/);
    expect(out).toContain('policy is refused');
  });

  it('says what is wrong when the folder is not there', () => {
    const { code, err } = cordon('check', '/nowhere');
    expect(code).toBe(1);
    expect(err).toContain('`/nowhere` is not a folder');
  });
});

function changedPolicyInPlace(copy: string, file: string, change: (text: string) => string): string {
  writeFileSync(join(copy, file), change(readFileSync(join(copy, file), 'utf8')));
  return copy;
}

describe('cordon explain, access, test, compile', () => {
  it('explains an allow and a deny by their lines', () => {
    const allow = json(
      'explain',
      '--policy',
      sample,
      '--from',
      'infusion-pump',
      '--to',
      'drug-library',
      '--app',
      'https',
    ).value;
    expect(allow.verdict).toBe('allow');
    expect(allow.rules[0].file).toBe('rules/flows-medical.csv');
    expect(allow.rules[0].text).toContain('infusion-pump, drug-library, https, allow');
    const byAddress = json(
      'explain',
      '--policy',
      sample,
      '--from',
      'infusion-pump',
      '--to',
      '10.10.4.20',
      '--app',
      'tcp/443',
    ).value;
    expect(byAddress.verdict).toBe('allow');
    const deny = json(
      'explain',
      '--policy',
      sample,
      '--from',
      'infusion-pump',
      '--to',
      'internet',
      '--app',
      'https',
    ).value;
    expect(deny.verdict).toBe('deny');
    expect(deny.rules.length).toBeGreaterThan(0);
  });

  it('refuses a misspelt name with the nearest one', () => {
    const { code, value } = json(
      'explain',
      '--policy',
      sample,
      '--from',
      'infusion-pmp',
      '--to',
      'ehr',
      '--app',
      'https',
    );
    expect(code).toBe(1);
    expect(value.diagnostics[0].hint).toContain('`infusion-pump`');
  });

  it('shows where a pump goes and what each kind of switch is told', () => {
    for (const nas of ['rfc', 'cisco-ios-xe']) {
      const { value } = json(
        'access',
        '--policy',
        sample,
        '--class',
        'infusion-pump',
        '--site',
        'main',
        '--posture',
        'verified',
        '--nas',
        nas,
      );
      expect(value).toMatchObject({ segment: 'pumps', vlan: 210, rule: { file: 'rules/access.csv' } });
      const names = value.attributes.map((a: { name: string }) => a.name);
      expect(names).toContain('Tunnel-Private-Group-Id');
      expect(names).toContain(nas === 'rfc' ? 'NAS-Filter-Rule' : 'Cisco-AVPair');
    }
  });

  it('runs the policy’s tests', () => {
    const { code, value } = json('test', sample);
    expect(code).toBe(0);
    expect(value.tests).toBeGreaterThanOrEqual(40);
    expect(value.invariants).toBeGreaterThanOrEqual(12);
    const broken = changedPolicy('closed', 'rules/flows-medical.csv', closeLibrary);
    const failed = json('test', broken);
    expect(failed.code).toBe(1);
    expect(JSON.stringify(failed.value.failures)).toContain('expected ALLOW, got DENY');
    for (const { counterexample, rules, at } of failed.value.failures) {
      expect(counterexample).toMatchObject({ kind: 'packet', protocol: 6, port: 443 });
      expect(rules).toEqual([]);
      expect(at).toMatch(/^\d{4}-.*Z$/);
    }
    expect(cordon('test', broken).out).toMatch(/packet infusion-pump -> 10\.10\.4\.20 tcp\/443, at \d{4}-/);
  });

  it('compiles to the same digest each time, and says when time changes it', () => {
    const at = '2026-11-23T12:00:00Z';
    const [a, b] = [
      json('compile', sample, '--at', at).value,
      json('compile', sample, '--at', at, '--out', join(folder, 's.json')).value,
    ];
    expect(a.digest).toBe(b.digest);
    expect(new Date(a.nextChangeAt).getTime()).toBeGreaterThan(new Date(at).getTime());
    expect(JSON.parse(readFileSync(join(folder, 's.json'), 'utf8')).digest).toBe(a.digest);
  });
});

describe('cordon plan', () => {
  it('is 0 without a change, 2 with one, and names exactly what closes', () => {
    expect(cordon('plan', '--from', sample, '--to', sample).code).toBe(0);
    const closed = changedPolicy('plan', 'rules/flows-medical.csv', closeGateway);
    const { code, value } = json('plan', '--from', sample, '--to', closed);
    expect(code).toBe(2);
    expect(value.flows).toMatchObject([
      { change: 'closed', source: { text: 'infusion-pump' }, destination: { text: 'pump-gateway' } },
    ]);
    expect(value.flows[0].services).toEqual({ text: 'https', ports: ['tcp/443'] });
  });

  it('takes git revisions', () => {
    const repository = changedPolicy('repository', 'rules/flows-medical.csv', (text) => text);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
        cwd: repository,
        encoding: 'utf8',
      });
    git('init', '-q', '-b', 'main');
    git('add', '-A');
    git('commit', '-q', '-m', 'one');
    changedPolicyInPlace(repository, 'rules/flows-medical.csv', closeGateway);
    const run = spawnSync(process.execPath, [bin, 'plan', '--from', 'HEAD', '--to', '.', '--json'], {
      cwd: repository,
      encoding: 'utf8',
    });
    expect(run.status).toBe(2);
    expect(JSON.parse(run.stdout).flows.length).toBeGreaterThan(0);
  });

  it('is 1 when a side is refused', () => {
    const broken = changedPolicy(
      'refused',
      'rules/flows-medical.csv',
      (text) => `${text}\np, nobody, ehr, https, allow, always, x\n`,
    );
    expect(cordon('plan', '--from', sample, '--to', broken).code).toBe(1);
  });
});

describe('cordon', () => {
  it('has help, completion and no colour in a pipe', () => {
    const { code, out } = cordon('--help');
    expect(code).toBe(0);
    for (const name of ['check', 'compile', 'explain', 'access', 'test', 'plan', 'radtest', 'serve'])
      expect(out).toContain(`  ${name} `);
    expect(cordon('completion', 'bash').out).toContain('complete -o default -F _cordon cordon');
    expect(cordon('test', sample).out).not.toContain('\u001B');
    expect(cordon('frobnicate').code).not.toBe(0);
  });
});

describe('cordon serve', () => {
  let server: ChildProcess;
  const lines: string[] = [];

  beforeAll(async () => {
    const [http, auth, acct] = await Promise.all([freePair(), freePair(), freePair()]);
    ports = { http, auth };
    const args = [
      'serve',
      '--data',
      join(folder, 'data'),
      '--http',
      `127.0.0.1:${http}`,
      '--auth-port',
      `${auth}`,
      '--acct-port',
      `${acct}`,
    ];
    server = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    const up = new Promise<void>((done) => {
      createInterface({ input: server.stdout! }).on('line', (line) => {
        lines.push(line);
        if (line.includes('stop with Ctrl-C')) done();
      });
    });
    await Promise.race([
      up,
      once(server, 'exit').then(() => Promise.reject(new Error(`serve ended:\n${lines.join('\n')}`))),
    ]);
  });

  afterAll(async () => {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
  });

  let ports: { http: number; auth: number };

  const radtest = (mac: string, ...args: string[]) =>
    json('radtest', mac, '--server', `127.0.0.1:${ports.auth}`, '--data', join(folder, 'data'), ...args);

  it('answers a sample device with the VLAN that the policy says, on both kinds of switch', () => {
    const access = json(
      'access',
      '--policy',
      sample,
      '--class',
      'infusion-pump',
      '--site',
      'main',
      '--posture',
      'unverified',
      '--nas',
      'cisco-ios-xe',
    ).value;
    const { code, value } = radtest('00:03:b1:4a:10:21');
    expect(code).toBe(0);
    expect(value.vlan).toBe(access.vlan);
    expect(JSON.stringify(value.attributes)).toContain('ip:inacl#');
    const north = radtest('00-03-B1-4A-10-21', '--nas', '127.0.0.2').value;
    expect(JSON.stringify(north.attributes)).toContain('NAS-Filter-Rule');
  });

  it('puts an unknown device into onboarding', () => {
    const access = json(
      'access',
      '--policy',
      sample,
      '--class',
      'unknown',
      '--site',
      'main',
      '--posture',
      'unverified',
    ).value;
    expect(radtest('02:00:00:00:00:99').value.vlan).toBe(access.vlan);
  });

  it('is silent to a switch that it does not know, and radtest says what to look at', () => {
    const { code, value } = radtest('00:03:b1:4a:10:21', '--nas', '127.0.0.99');
    expect(code).toBe(1);
    expect(value.hint).toContain('network/nas.yaml');
  });

  it('shows the admin token once and lets it in', async () => {
    const token = lines.join('\n').match(/admin token +(\S+)/)?.[1];
    expect(token).toBeDefined();
    const status = await fetch(`http://127.0.0.1:${ports.http}/api/v1/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(status.status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${ports.http}/api/v1/status`)).status).toBe(401);
  });
});

describe('cordon serve with a policy of its own', () => {
  it('starts, also where that policy has none of the classes of the sample devices, and says its token', async () => {
    const own = join(folder, 'own');
    const repository = new PolicyRepository(join(own, 'policy'));
    repository.commit(tinyPolicy);
    const server = await ServeProcess.start(own, {}, ['--policy', repository.folder]);
    try {
      const devices = await fetch(`${server.controller}/api/v1/devices`, {
        headers: { authorization: `Bearer ${server.adminToken}` },
      });
      expect([devices.status, await devices.json()]).toMatchObject([200, { items: [] }]);
    } finally {
      await server.stop();
    }
  });
});
