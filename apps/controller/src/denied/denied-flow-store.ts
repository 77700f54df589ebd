import { FlowStore, type FlowLimits } from '../flows/flow-store.js';
import type { Database } from '../store/database.js';
import { deniedFlows } from '../store/rows.js';

const limits: FlowLimits = { flows: 5000, unanswered: 5000, sources: 5 };

/** What enforcement points dropped because no line of policy allowed it. */
export class DeniedFlowStore extends FlowStore {
  constructor(database: Database, change: Partial<FlowLimits> = {}) {
    super(database, deniedFlows, { ...limits, ...change });
  }
}
