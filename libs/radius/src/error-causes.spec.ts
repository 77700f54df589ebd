import { describe, expect, it } from 'vitest';
import { types, valueNames } from './dictionary.js';
import { describeErrorCause, errorCauseNumbers, explainErrorCause, type ErrorReaction } from './error-causes.js';

describe('Error-Cause', () => {
  it.each<[number | null, string, ErrorReaction, RegExp]>([
    [null, 'no Error-Cause', 'next', /no reason/],
    [201, 'Residual-Session-Context-Removed', 'gone', /had ended/],
    [202, 'Invalid-EAP-Packet', 'next', /EAP/],
    [401, 'Unsupported-Attribute', 'never', /does not know an attribute/],
    [402, 'Missing-Attribute', 'next', /wants an attribute/],
    [403, 'NAS-Identification-Mismatch', 'wait', /another switch/],
    [404, 'Invalid-Request', 'next', /malformed/],
    [405, 'Unsupported-Service', 'never', /kind of request/],
    [406, 'Unsupported-Extension', 'never', /CoA or Disconnect/],
    [407, 'Invalid-Attribute-Value', 'unfit', /VLAN that it does not have/],
    [501, 'Administratively-Prohibited', 'next', /forbids it/],
    [502, 'Proxy-Request-Not-Routable', 'wait', /proxy does not know the way/],
    [503, 'Session-Context-Not-Found', 'gone', /does not know the session/],
    [504, 'Session-Context-Not-Removable', 'next', /can not remove/],
    [505, 'Proxy-Processing-Error', 'wait', /proxy .* failed/],
    [506, 'Resources-Unavailable', 'wait', /no resources/],
    [507, 'Request-Initiated', 'initiated', /authenticates the session again/],
    [508, 'Multiple-Session-Selection-Unsupported', 'wait', /several sessions/],
    [999, 'cause 999', 'next', /no standard/],
  ])('%s (%s): %s', (cause, name, reaction, meaning) => {
    expect(explainErrorCause(cause).reaction).toBe(reaction);
    expect(explainErrorCause(cause).meaning).toMatch(meaning);
    if (cause !== null) expect(describeErrorCause(cause)).toBe(name);
  });

  it('has a reaction to each cause of the dictionary', () => {
    expect(errorCauseNumbers.map(String)).toEqual(Object.keys(valueNames.get(types.errorCause)!));
  });
});
