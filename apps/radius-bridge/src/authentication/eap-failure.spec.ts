import { types } from '#radius';
import { describe, expect, it } from 'vitest';
import { eapFailure } from './eap-failure.js';

const part = (hex: string) => ({ type: types.eapMessage, value: Buffer.from(hex, 'hex') });

describe('eapFailure', () => {
  it.each<[string, string[], string[]]>([
    ['an identity response', ['022a000a01616c696365'], ['042a0004']],
    ['a response split over attributes', ['02', '2b000501'], ['042b0004']],
    ['EAP-Start', [''], ['04000004']],
    ['a request without EAP', [], []],
  ])('answers %s', (_, parts, expected) => {
    const found = eapFailure({ attributes: parts.map(part) });
    expect(found.map(({ value }) => value.toString('hex'))).toEqual(expected);
  });
});
