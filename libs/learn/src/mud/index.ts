export { mudCodes, type MudCode } from './codes.js';
export { departuresFrom, type Departure, type Departures } from './departures.js';
export { dnsNamesIn, importMud, mudExists, type MudImport, type MudImportInput } from './import-mud.js';
export type { MudEntry, MudFile } from './mud-file.js';
export { parseMud } from './parse-mud.js';
export type { MudNames } from './peers.js';
export { proveMud, type MudProof } from './prove-mud.js';
export type { LeftOutEntry, MudFlow } from './translate.js';
