import { formatAddress } from '#net';
import { readRecordedFlows, sumByHour, type RecordedFlow, type TextChunks } from '#plan';

/** Connections as Cordon's CSV, with its header; empty: there are none. */
export interface FlowLines {
  readonly text: string;
  /** Records that are no connection, and such that can't be read. */
  readonly ignored: number;
  readonly malformed: number;
}

const header = 'first,last,source,destination,protocol,port,packets,connections,answered\n';

/** A piece of a log of flows. A piece may begin with what is left of a line: who wrote the log was stopped in the middle of it. */
export function readFlowLines(text: string, file: string): FlowLines {
  if (text.trim() === '') return { text: '', ignored: 0, malformed: 0 };
  const read = readRecordedFlows(text, file);
  if (read.ok) {
    const { flows, ignored, malformed } = read.value;
    return { text: flows.length === 0 ? '' : header + sumByHour(flows).map(lineOf).join(''), ignored, malformed };
  }
  const rest = text.slice(text.indexOf('\n') + 1);
  const again = rest === text ? read : readRecordedFlows(rest, file);
  if (again.ok) {
    const lines = readFlowLines(rest, file);
    return { ...lines, malformed: lines.malformed + 1 };
  }
  return { text: '', ignored: 0, malformed: text.trim().split('\n').length };
}

/** A whole file of flows, in pieces of at most so many bytes; null: it is in none of the known formats. */
export function readFlowPieces(chunks: TextChunks, file: string, mostBytes: number): FlowLines[] | null {
  const read = readRecordedFlows(chunks, file);
  if (!read.ok) return null;
  const { flows, ignored, malformed } = read.value;
  const pieces: string[] = [];
  let piece = '';
  for (const flow of sumByHour(flows)) {
    const line = lineOf(flow);
    if (piece !== '' && piece.length + line.length > mostBytes) {
      pieces.push(piece);
      piece = '';
    }
    piece = piece === '' ? header + line : piece + line;
  }
  const [first = '', ...others] = piece === '' ? pieces : [...pieces, piece];
  return [{ text: first, ignored, malformed }, ...others.map((text) => ({ text, ignored: 0, malformed: 0 }))];
}

function lineOf({
  first,
  last,
  source,
  destination,
  protocol,
  port,
  packets,
  connections,
  answered,
}: RecordedFlow): string {
  const times = [first, last].map((at) => at.toISOString());
  const ends = [source, destination].map(formatAddress);
  return `${[...times, ...ends, protocol, port, packets, connections, answered === 'unknown' ? '' : answered].join()}\n`;
}
