import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism, hostname } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

import { inheritedSockets, nameForResponder, type InheritedSockets } from './transport/inherited-sockets.js';

/** What a secret reference gives: the secret, or why there is none (never the secret itself). */
export type SecretLookup = { readonly secret: string } | { readonly problem: string };

/** What a reference stands for. Throws with the reason where there is none. */
export function textOf(found: SecretLookup): string {
  if ('problem' in found) throw new Error(found.problem);
  return found.secret;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** A port on some addresses of this machine; `0.0.0.0` and `::` stand for those that it has. */
export interface Listening {
  readonly hosts: readonly string[];
  readonly port: number;
}

export interface BridgeConfig {
  /** The release. */
  readonly version: string;
  readonly dataFolder: string;
  readonly authentication: Listening;
  readonly accounting: Listening;
  /** RADIUS over TLS; open only while the policy has network/radsec.yaml. */
  readonly radsec: Listening;
  readonly http: Endpoint;
  /** Where FreeRADIUS may ask (rlm_rest); null: nowhere. */
  readonly rest: Endpoint | null;
  readonly controllerUrl: string;
  readonly bridgeId: string;
  readonly inherited: InheritedSockets;
  /** Processes that answer MAC authentication beside the first. */
  readonly responders: number;
  /** Processes for 802.1X handshakes. */
  readonly eapWorkers: number;
  /** One line of the log for each decision. */
  readonly logDecisions: boolean;
  /** Asked again at each connection: the controller may create the token after we start. */
  readonly controllerToken: () => string | null;
  /** Resolves `env:NAME` or `file:PATH`. */
  readonly secretOf: (reference: string) => SecretLookup;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The only reader of the environment. Throws with the variable's name and what it must be. */
export function readConfig(env: Environment): BridgeConfig {
  const data = resolve(text(env, 'CORDON_DATA', '.cordon'));
  const inherited = inheritedSockets(env, process.pid);
  const responders = count('CORDON_RADIUS_PROCESSES', text(env, 'CORDON_RADIUS_PROCESSES', '1')) - 1;
  for (let at = 0; inherited.has('authentication') && at < responders; at++) {
    if (!inherited.has(nameForResponder(at)))
      throw new Error(
        `CORDON_RADIUS_PROCESSES is ${responders + 1}, and systemd gives no socket named \`${nameForResponder(at)}\`: each process needs its own`,
      );
  }
  const hosts = addresses('CORDON_RADIUS_HOST', text(env, 'CORDON_RADIUS_HOST', '127.0.0.1'));
  return {
    version: release(),
    dataFolder: join(data, 'bridge'),
    authentication: { hosts, port: portOf(env, 'CORDON_RADIUS_AUTH_PORT', '1812') },
    accounting: { hosts, port: portOf(env, 'CORDON_RADIUS_ACCT_PORT', '1813') },
    radsec: { hosts, port: portOf(env, 'CORDON_RADSEC_PORT', '2083') },
    http: hostPort('CORDON_BRIDGE_HTTP', text(env, 'CORDON_BRIDGE_HTTP', '127.0.0.1:8081')),
    rest: optionalHostPort('CORDON_REST', text(env, 'CORDON_REST', '')),
    controllerUrl: controllerUrl(env),
    bridgeId: text(env, 'CORDON_BRIDGE_ID', hostname()),
    eapWorkers: count('CORDON_EAP_WORKERS', text(env, 'CORDON_EAP_WORKERS', `${defaultEapWorkers()}`)),
    inherited,
    responders,
    logDecisions: flag('CORDON_LOG_DECISIONS', text(env, 'CORDON_LOG_DECISIONS', '0')),
    controllerToken: () => env['CORDON_BRIDGE_TOKEN']?.trim() || readOptional(join(data, 'bridge-token')),
    secretOf: (reference) => lookUpSecret(env, data, reference),
  };
}

/** The package stands above us, built or not. */
function release(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const found = readOptional(join(folder, 'package.json'));
    if (found !== null) return String((JSON.parse(found) as { version?: unknown }).version);
  }
  return 'unknown';
}

function text(env: Environment, name: string, fallback: string): string {
  return env[name]?.trim() || fallback;
}

const portOf = (env: Environment, name: string, fallback: string): number => port(name, text(env, name, fallback));

/** Addresses, not names: a name that stands for other addresses tomorrow would leave the switches without an answer. */
function addresses(name: string, value: string): string[] {
  const hosts = value.split(/[\s,]+/);
  const wrong = hosts.find((host) => isIP(host) === 0);
  if (wrong === undefined) return hosts;
  throw new Error(`${name} has \`${wrong}\`: give addresses, for example 10.0.0.5, fd00::5, or :: for all`);
}

function port(name: string, value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= 65_535)) throw new Error(`${name} is \`${value}\`: give a port number from 0 to 65535`);
  return number;
}

/** One processor is left to everything else. */
const defaultEapWorkers = (): number => Math.min(4, Math.max(1, availableParallelism() - 1));

function count(name: string, value: string): number {
  const number = /^\d{1,2}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 64) throw new Error(`${name} is \`${value}\`: give a number from 1 to 64`);
  return number;
}

function flag(name: string, value: string): boolean {
  if (value !== '0' && value !== '1') throw new Error(`${name} is \`${value}\`: give 1 or 0`);
  return value === '1';
}

function hostPort(name: string, value: string): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(value);
  if (!match) throw new Error(`${name} is \`${value}\`: give HOST:PORT, for example 127.0.0.1:8081`);
  return { host: match[1] ?? match[2] ?? '', port: port(name, match[3] ?? '') };
}

const optionalHostPort = (name: string, value: string): Endpoint | null =>
  value === '' ? null : hostPort(name, value);

function url(name: string, value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new Error(`${name} is \`${value}\`: give a URL, for example http://127.0.0.1:8080`);
  }
  return value.replace(/\/+$/, '');
}

/** The token of the bridges goes there, and hashes of passwords come from there. */
function controllerUrl(env: Environment): string {
  const name = 'CORDON_CONTROLLER_URL';
  const value = url(name, text(env, name, 'http://127.0.0.1:8080'));
  const { protocol, hostname } = new URL(value);
  const isLoopback = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(hostname);
  if (protocol === 'https:' || isLoopback || flag(insecure, text(env, insecure, '0'))) return value;
  throw new Error(
    `${name} is \`${value}\`: a token and hashes of passwords would go over the network in the clear; give https://…, or set ${insecure}=1 where something else protects the way`,
  );
}

const insecure = 'CORDON_CONTROLLER_INSECURE';

function readOptional(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

/** A relative path is read from the data folder, so that a policy means the same wherever the bridge was started. */
function lookUpSecret(env: Environment, data: string, reference: string): SecretLookup {
  if (reference.startsWith('env:')) {
    const name = reference.slice('env:'.length);
    const secret = env[name];
    return secret ? { secret } : { problem: `environment variable ${name} is not set` };
  }
  if (reference.startsWith('file:')) {
    const path = reference.slice('file:'.length);
    const secret = readOptional(isAbsolute(path) ? path : join(data, path));
    return secret ? { secret } : { problem: `file ${path} can't be read or is empty` };
  }
  return { problem: 'the reference is neither env:NAME nor file:PATH' };
}
