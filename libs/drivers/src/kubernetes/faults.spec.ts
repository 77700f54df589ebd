import { describe, expect, it } from 'vitest';
import { RemoteFault, TerminalFault } from '../driver.js';
import { faultOfAnswer, faultOfError } from './faults.js';

const failing = (code: string): Error =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });

describe('faults', () => {
  it.each([
    [409, 'Conflict', 'the object has been modified'],
    [404, 'NotFound', 'not found'],
    [429, 'TooManyRequests', 'later'],
    [500, 'InternalError', 'etcdserver: request timed out'],
    [503, '', ''],
  ])('of an answer %d %s may go away', (status, reason, message) => {
    expect(faultOfAnswer('PUT /x', { status, reason, message })).toBeInstanceOf(RemoteFault);
  });

  it.each([
    [401, 'Unauthorized', '', /has it ended/],
    [403, 'Forbidden', 'cannot list resource', /rbac\.yaml/],
    [409, 'AlreadyExists', 'already exists', /rename it/],
    [422, 'Invalid', 'not a valid CIDR', /portRanges/],
    [500, '', '.spec.ingress: field not declared in schema', /portRanges/],
  ])('of an answer %d %s stay, and have a remedy', (status, reason, message, remedy) => {
    const fault = faultOfAnswer('PUT /x', { status, reason, message });
    expect(fault).toBeInstanceOf(TerminalFault);
    expect(fault.message).toMatch(remedy);
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_SOCKET', 'ECONNRESET'])(
    'of a connection that fails with %s may go away',
    (code) => {
      expect(faultOfError('GET /x', failing(code))).toBeInstanceOf(RemoteFault);
    },
  );

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ])('of a certificate that fails with %s stay', (code) => {
    expect(faultOfError('GET /x', failing(code))).toBeInstanceOf(TerminalFault);
  });

  it('of silence may go away', () => {
    expect(faultOfError('GET /x', new DOMException('aborted', 'TimeoutError')).message).toBe(
      'GET /x: no answer in time',
    );
  });
});
