import { failure, success, type Diagnostic, type Result } from '#base';
import { finding } from '../codes.js';
import type { ObservationWindow } from '../plan.js';
import { csvFields, linesOf, type TextChunks } from '../text/lines.js';
import { ConntrackReader, isConntrack } from './conntrack.js';
import { cordonColumns, CordonCsvReader } from './cordon-csv.js';
import type { EndNumbers, FlowReader, FlowSink } from './flow-record.js';
import { JsonlReader } from './jsonl.js';
import { nfdumpColumns, NfdumpReader } from './nfdump.js';
import { isUlogd, UlogdReader } from './ulogd.js';

/** What is told of a file beside its records. */
export interface FlowFile {
  readonly format: ObservationWindow['format'];
  /** Lines that no record could be made of. */
  readonly malformed: number;
}

const shownMalformed = 5;
const hasHeader: ReadonlySet<FlowFile['format']> = new Set(['cordon-csv', 'nfdump']);

/** Reads observed connections in any of the known formats. Fails only when the format is none of them. */
export function readFlows(chunks: TextChunks, file: string, ends: EndNumbers, sink: FlowSink): Result<FlowFile> {
  const findings: Diagnostic[] = [];
  let reader: FlowReader | null = null;
  let format: FlowFile['format'] = 'cordon-csv';
  let malformed = 0;
  let number = 0;
  for (const line of linesOf(chunks)) {
    number++;
    if (line.from === line.to || line.startsWith('#')) continue;
    if (!reader) {
      const found = readerFor(line.text(), ends, sink);
      if (!found) return failure([unknownFormat(file, number)]);
      ({ reader, format } = found);
      if (hasHeader.has(format)) continue;
    }
    const wrong = reader.read(line);
    if (wrong !== null && malformed++ < shownMalformed) {
      const hint = 'it is left out: correct the export, or see why such records are written';
      const span = { file, line: number };
      findings.push(finding('flow-malformed', `this record can not be read: ${wrong}`, hint, span));
    }
  }
  if (!reader) return failure([unknownFormat(file, 1)]);
  reader.end();
  return success({ format, malformed }, findings);
}

function readerFor(
  header: string,
  ends: EndNumbers,
  sink: FlowSink,
): { reader: FlowReader; format: ObservationWindow['format'] } | null {
  if (isUlogd(header)) return { reader: new UlogdReader(ends, sink), format: 'ulogd' };
  if (isConntrack(header)) return { reader: new ConntrackReader(ends, sink), format: 'conntrack' };
  if (header.trimStart().startsWith('{')) return { reader: new JsonlReader(ends, sink), format: 'jsonl' };
  const names = csvFields(header)?.map((name) => name.toLowerCase()) ?? [];
  const cordon = cordonColumns(names);
  if (cordon) return { reader: new CordonCsvReader(cordon, ends, sink), format: 'cordon-csv' };
  const nfdump = nfdumpColumns(names);
  return nfdump ? { reader: new NfdumpReader(nfdump, ends, sink), format: 'nfdump' } : null;
}

function unknownFormat(file: string, line: number): Diagnostic {
  const summary = 'the first line tells no known format of observed flows';
  const hint =
    'start with `first,last,source,destination,protocol,port,packets`, one JSON object per line, or take the output of `nfdump -o csv` or `conntrack -E`';
  return finding('flows-unknown-format', summary, hint, { file, line });
}
