export { PointReconciler, type Look, type ReconcileOutcome, type RulesRead } from './point.js';
export { Reconciler, type CancelTimer, type KeyState, type ReconcilerOptions } from './reconciler.js';
