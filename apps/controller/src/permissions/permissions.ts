import { newEnforcer, newModelFromString, StringAdapter, type Enforcer } from 'casbin';
import type { Role } from '../store/rows.js';

/** Who calls: a person's or program's token, or the bridge. */
export type Caller = { readonly name: string; readonly role: Role | 'bridge' };

export const resources = [
  'devices',
  'inventory',
  'credentials',
  'sessions',
  'policy',
  'policy-files',
  'enforcement',
  'flows',
  'seen-flows',
  'audit',
  'status',
  'orders',
  'clinical-use',
  'tokens',
  'backup',
  'metrics',
  'bridge',
] as const;
export type Resource = (typeof resources)[number];
export const actions = ['read', 'write'] as const;
export type Action = (typeof actions)[number];
export type Permission = readonly [Resource, Action];

const model = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
`;

/** The API's own permissions, apart from device policy. What is not listed is refused. */
const policy = `
p, monitor, metrics, read
p, collector, flows, write
p, planner, inventory, read
p, planner, policy-files, read
p, planner, seen-flows, read
p, viewer, devices, read
p, viewer, sessions, read
p, viewer, policy, read
p, viewer, enforcement, read
p, viewer, flows, read
p, viewer, audit, read
p, viewer, status, read
p, viewer, orders, read
p, clinical, clinical-use, write
p, operator, devices, write
p, operator, credentials, read
p, operator, credentials, write
p, operator, policy, write
p, operator, enforcement, write
p, operator, orders, write
p, admin, tokens, read
p, admin, tokens, write
p, admin, backup, read
p, bridge, bridge, read
p, bridge, bridge, write
g, viewer, monitor
g, viewer, planner
g, operator, viewer
g, operator, clinical
g, admin, operator
`;

export class Permissions {
  private constructor(private readonly enforcer: Enforcer) {}

  static async load(): Promise<Permissions> {
    return new Permissions(await newEnforcer(newModelFromString(model), new StringAdapter(policy.trim())));
  }

  isAllowed(caller: Caller, [resource, action]: Permission): boolean {
    return this.enforcer.enforceSync(caller.role, resource, action);
  }
}
