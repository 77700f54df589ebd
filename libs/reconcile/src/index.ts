export { PointReconciler, type Look, type ReconcileOutcome } from './point.js';
export { Reconciler, type CancelTimer, type KeyState, type ReconcilerOptions } from './reconciler.js';
