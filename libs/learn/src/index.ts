export { mudCodes, type MudCode } from './mud/codes.js';
export { dnsNamesIn, importMud, mudExists, type MudImport, type MudImportInput } from './mud/import-mud.js';
export type { MudEntry, MudFile } from './mud/mud-file.js';
export { parseMud } from './mud/parse-mud.js';
export type { MudNames } from './mud/peers.js';
export type { LeftOut, MudFlow } from './mud/translate.js';
export { proveMud, type MudProof } from './mud/prove-mud.js';
