import type { Diagnostic } from '#base';
import {
  formatPrefix,
  intersectAddresses,
  isEmptyAddressSet,
  parseAddress,
  rangeOfPrefix,
  addressSet,
  type AddressSet,
  type Prefix,
} from '#net';
import { finding } from './codes.js';
import { inFamily, wholeFamily } from './flow-box.js';
import type { MudEntry, MudMatches, MudPeer } from './mud-file.js';

/** What the words of a MUD file stand for here: names of classes, endpoints or groups of the policy. */
export interface MudNames {
  readonly localNetworks: string | null;
  readonly myController: string | null;
  readonly sameManufacturer: string | null;
  /** By URI, and by authority of MUD URLs for manufacturers. */
  readonly controllers: ReadonlyMap<string, string>;
  readonly manufacturers: ReadonlyMap<string, string>;
  readonly models: ReadonlyMap<string, string>;
}

export interface MudBindings {
  readonly names: MudNames;
  /** Addresses of DNS names, in small letters. */
  readonly resolved: ReadonlyMap<string, AddressSet>;
  /** Null: a class, whose devices may have any address. Undefined: not in the policy. */
  readonly addressesOf: (name: string) => AddressSet | null | undefined;
}

/** Who is on the far side. Of a class the addresses say only which IP version is meant. */
export interface Peer {
  readonly class: string | null;
  readonly addresses: AddressSet;
  /** What it is called: a DNS name, a network, a name of the policy. */
  readonly label: string;
}

export type FarSide = { readonly peer: Peer } | { readonly problem: Diagnostic };

/** The far side of an entry whose conditions could be read. */
export function farSideOf(entry: MudEntry, matches: MudMatches, bindings: MudBindings): FarSide {
  const isOut = entry.direction === 'from-device';
  const family = entry.family!;
  const [ownName, farName] = isOut
    ? [matches.sourceName, matches.destinationName]
    : [matches.destinationName, matches.sourceName];
  const [own, far] = isOut ? [matches.source, matches.destination] : [matches.destination, matches.source];
  if (ownName !== null || own) {
    const summary = `the entry is about packets ${isOut ? 'from' : 'to'} \`${ownName ?? formatPrefix(own!)}\`, an address of the device`;
    const hint = 'write a rule by hand if devices of this class have such addresses';
    return { problem: finding('mud-own-address', summary, hint, entry.span) };
  }
  let peer: Peer = { class: null, addresses: wholeFamily(family), label: 'anywhere' };
  const steps: (() => Peer | Diagnostic)[] = [
    ...(farName === null ? [] : [() => byName(entry, farName, bindings)]),
    ...(far ? [() => byNetwork(far)] : []),
    ...matches.peers.map((one) => () => byWord(entry, one, bindings)),
  ];
  for (const step of steps) {
    const next = step();
    if ('severity' in next) return { problem: next };
    const joined = joinPeers(peer, next, entry);
    if ('severity' in joined) return { problem: joined };
    peer = joined;
  }
  return { peer };
}

function joinPeers(a: Peer, b: Peer, entry: MudEntry): Peer | Diagnostic {
  const isFirst = a.label === 'anywhere';
  if ((a.class ?? b.class) !== null && !isFirst) {
    const summary = `policy can't say \`${a.label}\` and \`${b.label}\` at once: one of them is a class`;
    return finding('mud-peer-unmapped', summary, 'name an endpoint for it instead of a class', entry.span);
  }
  const addresses = inFamily(intersectAddresses(a.addresses, b.addresses), entry.family!);
  if (isEmptyAddressSet(addresses)) {
    const what = isFirst
      ? `\`${b.label}\` has no IPv${entry.family} address`
      : `\`${a.label}\` and \`${b.label}\` share none`;
    const hint = 'name one that has, or leave it: the entry then matches no packet';
    return finding('mud-contradiction', what, hint, entry.span);
  }
  return { class: b.class, addresses, label: isFirst ? b.label : a.label };
}

function byName(entry: MudEntry, name: string, { resolved }: MudBindings): Peer | Diagnostic {
  const address = parseAddress(name);
  const addresses = address
    ? addressSet([{ ...address, first: address.value, last: address.value }])
    : resolved.get(name);
  const own = addresses && inFamily(addresses, entry.family!);
  if (own && !isEmptyAddressSet(own)) return { class: null, addresses: own, label: name };
  const summary = `no IPv${entry.family} address of \`${name}\` is known`;
  const hint = `give it with --resolve ${name}=ADDRESS, or let --resolve-now ask DNS`;
  return finding('mud-unresolved', summary, hint, entry.span);
}

function byNetwork(network: Prefix): Peer {
  return { class: null, addresses: addressSet([rangeOfPrefix(network)]), label: formatPrefix(network) };
}

function byWord(entry: MudEntry, word: MudPeer, { names, addressesOf }: MudBindings): Peer | Diagnostic {
  const { name, option } = nameFor(word, names);
  if (name === null) {
    const what = 'value' in word ? `${word.kind} \`${word.value}\`` : `\`${word.kind}\``;
    return finding('mud-peer-unmapped', `nothing says what ${what} is here`, `name it with ${option}`, entry.span);
  }
  const addresses = addressesOf(name);
  return { class: addresses ? null : name, addresses: addresses ?? wholeFamily(entry.family!), label: name };
}

/** Which name of the policy a word stands for, and the option that says so. */
function nameFor(word: MudPeer, names: MudNames): { name: string | null; option: string } {
  switch (word.kind) {
    case 'local-networks':
      return { name: names.localNetworks, option: '--local NAME' };
    case 'my-controller':
      return { name: names.myController, option: '--my-controller NAME' };
    case 'same-manufacturer':
      return { name: names.sameManufacturer, option: '--same-manufacturer CLASS' };
    case 'controller':
      return { name: names.controllers.get(word.value) ?? null, option: `--controller ${word.value}=NAME` };
    case 'manufacturer':
      return { name: names.manufacturers.get(word.value) ?? null, option: `--manufacturer ${word.value}=CLASS` };
    case 'model':
      return { name: names.models.get(word.value) ?? null, option: `--model ${word.value}=CLASS` };
    default:
      return word;
  }
}
