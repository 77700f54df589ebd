import { expect, it } from 'vitest';
import { Permissions, type Caller, type Permission } from './permissions.js';

const permissions = await Permissions.load();
const isAllowed = (role: Caller['role'], ...permission: Permission): boolean =>
  permissions.isAllowed({ name: 'x', role }, permission);

it('lets viewers read, operators change devices, admins manage tokens, and the bridge and a monitor do nothing else', () => {
  expect(isAllowed('viewer', 'devices', 'read')).toBe(true);
  expect(isAllowed('viewer', 'devices', 'write')).toBe(false);
  expect(isAllowed('operator', 'devices', 'write')).toBe(true);
  expect(isAllowed('operator', 'audit', 'read')).toBe(true);
  expect(isAllowed('viewer', 'credentials', 'read')).toBe(false);
  expect(isAllowed('operator', 'credentials', 'write')).toBe(true);
  expect(isAllowed('operator', 'tokens', 'read')).toBe(false);
  expect(isAllowed('admin', 'tokens', 'write')).toBe(true);
  expect(isAllowed('admin', 'policy', 'write')).toBe(true);
  expect(isAllowed('admin', 'bridge', 'read')).toBe(false);
  expect(isAllowed('bridge', 'bridge', 'write')).toBe(true);
  for (const resource of [
    'devices',
    'credentials',
    'sessions',
    'policy',
    'enforcement',
    'audit',
    'status',
    'orders',
    'clinical-use',
    'tokens',
    'metrics',
  ] as const)
    expect(isAllowed('bridge', resource, 'read')).toBe(false);

  expect(isAllowed('monitor', 'metrics', 'read')).toBe(true);
  expect(isAllowed('viewer', 'metrics', 'read')).toBe(true);
  for (const resource of [
    'devices',
    'sessions',
    'policy',
    'enforcement',
    'audit',
    'status',
    'orders',
    'tokens',
    'bridge',
  ] as const)
    expect(isAllowed('monitor', resource, 'read')).toBe(false);

  expect(isAllowed('planner', 'inventory', 'read')).toBe(true);
  expect(isAllowed('viewer', 'inventory', 'read')).toBe(true);
  expect(isAllowed('monitor', 'inventory', 'read')).toBe(false);
  for (const resource of ['policy-files', 'seen-flows'] as const) {
    expect(isAllowed('planner', resource, 'read')).toBe(true);
    expect(isAllowed('viewer', resource, 'read')).toBe(true);
    expect(isAllowed('collector', resource, 'read')).toBe(false);
  }
  for (const resource of [
    'devices',
    'sessions',
    'policy',
    'flows',
    'orders',
    'audit',
    'metrics',
    'tokens',
    'bridge',
  ] as const)
    expect(isAllowed('planner', resource, 'read')).toBe(false);

  expect(isAllowed('clinical', 'clinical-use', 'write')).toBe(true);
  expect(isAllowed('operator', 'clinical-use', 'write')).toBe(true);
  expect(isAllowed('viewer', 'clinical-use', 'write')).toBe(false);
  for (const resource of ['devices', 'sessions', 'policy', 'orders', 'audit', 'metrics'] as const)
    expect(isAllowed('clinical', resource, 'read')).toBe(false);
  expect(isAllowed('viewer', 'orders', 'write')).toBe(false);
});
