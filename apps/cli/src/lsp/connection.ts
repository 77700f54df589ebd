import { z } from 'zod';
import { UsageError } from '../policy-files.js';
import { frame, MessageReader } from './framing.js';

const id = z.union([z.string(), z.int()]);
const incoming = z.object({
  jsonrpc: z.literal('2.0'),
  id: id.nullish(),
  method: z.string().optional(),
  params: z.unknown().optional(),
});

/** Codes of JSON-RPC 2.0 §5.1 and of the protocol. */
export const rpcErrors = {
  parse: -32_700,
  invalidRequest: -32_600,
  unknownMethod: -32_601,
  invalidParams: -32_602,
  internal: -32_603,
  notInitialized: -32_002,
  failed: -32_803,
} as const;

/** An answer that says no. */
export class Refusal extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Handlers {
  /** Its result is the answer. */
  request(method: string, params: unknown): unknown;
  notify(method: string, params: unknown): void;
}

/** JSON-RPC 2.0 over frames, as the language server protocol has it. Requests are answered in the order in which they come. */
export class Connection {
  private readonly reader = new MessageReader();

  constructor(
    private readonly handlers: Handlers,
    private readonly write: (text: string) => void,
  ) {}

  receive(chunk: Buffer): void {
    for (const text of this.reader.push(chunk)) this.handle(text);
  }

  notify(method: string, params: unknown): void {
    this.write(frame({ jsonrpc: '2.0', method, params }));
  }

  private handle(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.refuse(null, rpcErrors.parse, 'the message is not JSON');
    }
    const read = incoming.safeParse(value);
    if (!read.success) return this.refuse(null, rpcErrors.invalidRequest, 'the message is no request');
    const { id: of, method, params } = read.data;
    // An answer: this server asks nothing.
    if (method === undefined) return;
    if (of === undefined || of === null) return this.take(method, params);
    try {
      const result = this.handlers.request(method, params) ?? null;
      this.write(frame({ jsonrpc: '2.0', id: of, result }));
    } catch (error) {
      const [code, message] = refusalOf(error);
      this.refuse(of, code, message);
    }
  }

  private take(method: string, params: unknown): void {
    try {
      this.handlers.notify(method, params);
    } catch (error) {
      // Nobody waits for an answer.
      this.notify('window/logMessage', { type: 1, message: `${method}: ${refusalOf(error)[1]}` });
    }
  }

  private refuse(of: z.infer<typeof id> | null, code: number, message: string): void {
    this.write(frame({ jsonrpc: '2.0', id: of, error: { code, message } }));
  }
}

function refusalOf(error: unknown): [code: number, message: string] {
  if (error instanceof Refusal) return [error.code, error.message];
  if (error instanceof z.ZodError) return [rpcErrors.invalidParams, z.prettifyError(error)];
  if (error instanceof UsageError) return [rpcErrors.failed, error.message];
  // A bug: the editor shows it, and the other answers go on.
  return [rpcErrors.internal, error instanceof Error ? error.message : String(error)];
}
