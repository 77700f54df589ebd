import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Diagnostic } from '#base';
import { Refusal, type FieldError, type RefusalCode } from './http/refusal.js';
import type { Log } from './log.js';

const statusOf: Record<RefusalCode, number> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  unprocessable: 422,
  'too-many': 429,
  unavailable: 503,
};

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly diagnostics?: readonly Diagnostic[];
}

const titles: Record<number, string> = {
  400: 'Malformed request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Unavailable',
};

/** The only place that knows HTTP errors: whatever was thrown leaves as one RFC 9457 problem. */
@Catch()
export class ErrorsFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<ServerResponse>();
    const problem = this.problemOf(error, http.getRequest<{ method: string; path: string }>());
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (problem.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="cordon"');
    response.statusCode = problem.status;
    response.setHeader('Content-Type', 'application/problem+json');
    response.end(
      JSON.stringify({
        type: `urn:cordon:problem:${problem.code}`,
        title: titles[problem.status] ?? 'Error',
        status: problem.status,
        detail: problem.detail,
        ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
        ...(problem.diagnostics?.length ? { diagnostics: problem.diagnostics } : {}),
      }),
    );
  }

  private problemOf(error: unknown, request: { method: string; path: string }): Problem {
    if (error instanceof Refusal)
      return {
        status: statusOf[error.code],
        code: error.code,
        detail: error.message,
        errors: error.errors,
        diagnostics: error.diagnostics,
      };
    const status = error instanceof HttpException ? error.getStatus() : bodyParserStatus(error);
    if (status !== null && status < 500) {
      const detail = isUnparsed(error) ? unparsed : error instanceof Error ? error.message : 'the request was refused';
      return { status, code: codeOf(status), detail, errors: [] };
    }
    // What went wrong inside goes to the log, not to the caller.
    this.log.error('request failed', {
      method: request.method,
      path: request.path,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return { status: 500, code: 'internal', detail: 'the controller failed: its log says why', errors: [] };
  }
}

/** express's body parsers throw plain errors with a status (malformed JSON, too large, wrong charset). */
function bodyParserStatus(error: unknown): number | null {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

/** JSON.parse quotes what it could not read, which may be a password. (Nest has made an HttpException of its error.) */
const unparsed = 'the body is not JSON';
const isUnparsed = (error: unknown): boolean => error instanceof HttpException && error.cause instanceof SyntaxError;

function codeOf(status: number): string {
  return Object.entries(statusOf).find(([, number]) => number === status)?.[0] ?? 'malformed';
}
