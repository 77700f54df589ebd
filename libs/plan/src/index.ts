export { planCodes, type PlanCode } from './codes.js';
export type { Inventory, InventoryDevice } from './inventory/inventory.js';
export { parseInventory } from './inventory/parse-inventory.js';
export { accessOfGroups, type GroupAccess } from './access/diff-access.js';
export { groupDevices, type GroupedDevices } from './access/device-groups.js';
export { Ends, type Side } from './observed/ends.js';
export type { FlowSink } from './observed/flow-record.js';
export { judgeConnection } from './observed/judge.js';
export { readFlows, type FlowFile } from './observed/read-flows.js';
export {
  readRecordedFlows,
  sumByHour,
  type Answered,
  type RecordedFlow,
  type RecordedFlows,
} from './observed/recorded-flows.js';
export { ServiceCells } from './observed/service-cells.js';
export { TupleIndex } from './observed/tuple-index.js';
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
