export {
  diffSnapshots,
  isEmptyDiff,
  type AccessChange,
  type FlowChange,
  type Placement,
  type PolicyDiff,
} from './diff.js';
