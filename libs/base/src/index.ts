export { append } from './append.js';
export type { Brand } from './brand.js';
export { canonicalJson, deepFreeze, sha256 } from './canonical.js';
export { systemClock, type Clock } from './clock.js';
export { compareDiagnostics, compareText, formatDiagnostic } from './diagnostic.js';
export type { Diagnostic, RelatedPlace, Severity, SourceSpan } from './diagnostic.js';
export { NumberListMap } from './number-list-map.js';
export { remembered } from './remembered.js';
export { assertNever, failure, success, type Result } from './result.js';
