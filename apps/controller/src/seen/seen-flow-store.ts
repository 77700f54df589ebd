import { FlowStore, type FlowLimits } from '../flows/flow-store.js';
import type { Database } from '../store/database.js';
import { seenFlows } from '../store/rows.js';

/** An exporter may stand for a whole hospital. */
const limits: FlowLimits = { flows: 50_000, unanswered: 5000, sources: 1000 };

/**
 * Flows that were seen to pass, under the name of the exporter that recorded them. Whether policy allows them is another question: this only
 * says that they were there.
 */
export class SeenFlowStore extends FlowStore {
  constructor(database: Database, change: Partial<FlowLimits> = {}) {
    super(database, seenFlows, { ...limits, ...change });
  }
}
