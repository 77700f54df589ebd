import { canonicalJson, sha256 } from '#base';
import type { PolicyPort } from './objects.js';

/** Which way packets go that open a connection: from peers to the service's pods, or from the pods to peers. */
export type Direction = 'from' | 'to';
export const directions: readonly Direction[] = ['from', 'to'];

/** `base` closes the pods of a service and leaves out of scope what is; the others open it to some peers each. */
export type Part = 'base' | 'addresses' | 'devices';

export const fieldManager = 'cordon';
/** What makes an object ours. */
export const ownLabels = { 'app.kubernetes.io/managed-by': 'cordon' } as const;
export const ownSelector = 'app.kubernetes.io/managed-by=cordon';

/** Annotations. Which service an object is about, and which policy lines it stands for: ids, with a comma between. */
export const serviceKey = 'cordon/service';
export const linesKey = 'cordon/lines';
/** Of `base` alone: the addresses that the policy knows the service by, and a hash of all that the policy says of it. */
export const addressesKey = 'cordon/addresses';
export const rulesKey = 'cordon/rules';

/**
 * Names of services have no dots, so that no two objects share a name:
 *
 *   cordon.SERVICE     cordon.SERVICE.from.addresses-KEY     cordon.SERVICE.to.devices-KEY     cordon.SERVICE.to.devices-KEY.0110
 */
export const baseName = (service: string): string => `cordon.${service}`;
export const groupName = (service: string, direction: Direction, part: Part, key: string): string =>
  `${baseName(service)}.${direction}.${part}-${key}`;
/** Of the group that an object is a piece of. */
export const withoutPiece = (name: string): string => name.replace(/\.[01]+$/, '');

/** A name for what an object allows, whomever: equal keys mean equal ports and lines. */
export const permissionKey = (ports: readonly PolicyPort[] | null, lines: readonly string[]): string =>
  sha256(canonicalJson({ ports, lines })).slice(0, 16);

export const isPlainId = (id: string): boolean => /^[0-9a-z-]{1,64}$/.test(id);
export const isDnsLabel = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
