export const shapes = ['random', 'structured'] as const;
export type Shape = (typeof shapes)[number];

/** What a generated policy is like. The same parameters always give the same bytes. */
export interface PolicyParameters {
  readonly shape: Shape;
  readonly seed: number;
  /** Flow rules; `random` has one deny above them all in addition. */
  readonly rules: number;
  /** Device classes, parents included. */
  readonly classes: number;
  readonly endpoints: number;
  readonly prefixesPerEndpoint: number;
  /** Levels of classes below the root: 1 is a flat list. */
  readonly depth: number;
  /** Share of rules that deny, 0 … 1. */
  readonly denies: number;
  /** Share of endpoints (`structured`: of server farms) that have IPv6 addresses, too. */
  readonly ipv6: number;
  readonly sites: number;
  /** Share of server farms that offer all high ports (`structured` only): their rules overlap with many others. */
  readonly wideFarms: number;
  /** Switches. With any, each port ACL must fit into a RADIUS reply. */
  readonly nas: number;
  /** Share of rules whose object is a device class. */
  readonly towardsDevices: number;
}

const random: PolicyParameters = {
  shape: 'random',
  seed: 1,
  rules: 4000,
  classes: 200,
  endpoints: 200,
  prefixesPerEndpoint: 10,
  depth: 1,
  denies: 0,
  ipv6: 0,
  sites: 1,
  wideFarms: 0,
  nas: 0,
  towardsDevices: 0,
};

const structured: PolicyParameters = {
  shape: 'structured',
  seed: 1,
  rules: 4000,
  classes: 840,
  endpoints: 1600,
  prefixesPerEndpoint: 1,
  depth: 3,
  denies: 0.03,
  ipv6: 0.5,
  sites: 4,
  wideFarms: 0.03,
  nas: 0,
  towardsDevices: 0.05,
};

/**
 * More classes with fewer rules each, and less IPv6, so that every port ACL fits into a RADIUS reply; and switches that
 * check it.
 */
const withSwitches: PolicyParameters = {
  ...structured,
  classes: 2625,
  ipv6: 0.25,
  wideFarms: 0,
  towardsDevices: 0.01,
  nas: 40,
};

function scaled(parameters: PolicyParameters, rules: number): PolicyParameters {
  const grown = (count: number): number => Math.round((count * rules) / parameters.rules);
  return { ...parameters, rules, classes: grown(parameters.classes), endpoints: grown(parameters.endpoints) };
}

export const parametersOf = (shape: Shape, rules: number): PolicyParameters =>
  scaled(shape === 'random' ? random : structured, rules);

export const parametersWithSwitches = (rules: number): PolicyParameters => scaled(withSwitches, rules);
