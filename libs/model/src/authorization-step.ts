/**
 * What can be done to a live session whose authorization must change (RFC 5176), the gentlest first. `coa`: the switch is told
 * the new authorization; `reauthenticate`: it is asked to authenticate the device again; `disconnect`: the session ends, and
 * the device begins anew; `bounce`: the port's link goes down and up, under everything that is connected there.
 */
export const authorizationSteps = ['coa', 'reauthenticate', 'disconnect', 'bounce'] as const;
export type AuthorizationStep = (typeof authorizationSteps)[number];
