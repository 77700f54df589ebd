import type { Diagnostic, Severity } from '#base';

/**
 * Every finding that a plan can have of its own, besides those of the policies: what it means. docs/reading-a-plan.md lists
 * the same codes with their remedies; a test keeps the two together. Errors refuse the file, warnings don't.
 */
export const planCodes = {
  'address-of-two-devices': ['warning', 'the inventory gives one address to two devices: its flows are not attributed'],
  'flow-malformed': ['warning', 'a record of observed flows can not be read: it is counted and left out'],
  'flows-unknown-format': ['error', 'a file of observed flows is in no known format'],
  'inventory-duplicate': ['error', 'two rows of the inventory are the same device'],
  'inventory-field': ['error', 'a field of the inventory is missing or malformed'],
  'inventory-header': ['error', 'the inventory has a column that is unknown, missing or there twice'],
  'inventory-unknown-class': ['warning', 'neither policy has a class that the inventory names'],
  'inventory-unknown-nas': ['warning', 'neither policy has a switch that the inventory names'],
  'inventory-unknown-site': ['warning', 'neither policy has a site that the inventory names'],
  'inventory-without-addresses': ['warning', 'flows were given, and an inventory that says no address of any device'],
  'nas-removed': ['warning', 'devices are on a switch that is no RADIUS client any more'],
} as const satisfies Record<string, readonly [Severity, string]>;

export type PlanCode = keyof typeof planCodes;

export function finding(
  code: PlanCode,
  summary: string,
  hint: string,
  place: { file: string; line: number; column?: number } | null = null,
): Diagnostic {
  const span = place ? { span: { file: place.file, line: place.line, column: place.column ?? 1 } } : {};
  return { severity: planCodes[code][0], code, summary, hint, ...span };
}
