export { planCodes, type PlanCode } from './codes.js';
export type { Inventory, InventoryDevice } from './inventory/inventory.js';
export { parseInventory } from './inventory/parse-inventory.js';
export {
  renderInventoryHeader,
  renderInventoryRow,
  unknownSite,
  type InventoryForm,
  type InventoryRow,
} from './inventory/render-inventory.js';
export { readLoggedPacket, type LoggedPacket } from './observed/ulogd.js';
export { planPolicy, type PlanInput, type PlannedSide } from './make-plan.js';
export * from './plan.js';
export type { TextChunks } from './text/lines.js';
export { escape as escapeMarkdown } from './format/markdown.js';
export { summaryRows, visible } from './format/words.js';
export { formatPlan, formatRefusal, planFormats, type FormatOptions, type PlanFormat } from './format/format-plan.js';
