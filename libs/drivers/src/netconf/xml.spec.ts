import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TerminalFault } from '../driver.js';
import { contentOf, formatElement, formatXml, identityIn, isXmlText, parseXml, tag, type XmlElement } from './xml.js';

describe('parseXml', () => {
  it('reads names, texts, identities and operations, whatever the prefixes', () => {
    const plain = parseXml('<a xmlns="urn:a" xmlns:n="urn:n"><b> n:x </b><b><!-- no --><![CDATA[<1>]]></b></a>');
    const prefixed = parseXml(
      '<?xml version="1.0" encoding="UTF-8"?>\n<q:a xmlns:q="urn:a"><q:b xmlns:n="urn:n">n:x</q:b><q:b>&lt;1&gt;</q:b></q:a>',
    );
    expect(contentOf(plain)).toBe('{urn:a}a=({urn:a}b=<1> {urn:a}b=n:x)');
    expect(contentOf(prefixed)).toBe(contentOf(plain));
    for (const { children } of [plain, prefixed]) expect(identityIn('urn:n', children[0]!)).toBe('x');
    const nc = 'urn:ietf:params:xml:ns:netconf:base:1.0';
    expect(parseXml(`<a xmlns:o="${nc}" o:operation="delete" other="1"/>`).attributes.get('operation')).toBe('delete');
    expect(parseXml('<a xmlns:o="urn:no" o:operation="delete"/>').attributes.get('operation')).toBeUndefined();
  });

  it('reads an identity without prefix in the default namespace, and in no other', () => {
    expect(identityIn('urn:a', parseXml('<a xmlns="urn:a">x</a>'))).toBe('x');
    expect(identityIn('urn:a', parseXml('<q:a xmlns:q="urn:a" xmlns="urn:b">x</q:a>'))).toBeNull();
    expect(identityIn('urn:a', parseXml('<a xmlns="urn:a">no:x</a>'))).toBeNull();
    expect(identityIn('urn:a', parseXml('<a xmlns="urn:a" xmlns:n="urn:a">n:x:y</a>'))).toBeNull();
  });

  it.each([
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['a document type in small letters', '<!doctype a><a/>'],
    ['an entity that nobody declared', '<a>&b;</a>'],
    ['two roots', '<a/><b/>'],
    ['no root', '<!-- nothing -->'],
    ['nothing', ''],
    ['text', 'hello'],
    ['an element that does not end', '<a><b></a>'],
    ['a prefix that nobody declared', '<x:a/>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['nesting without end', `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`],
    ['nesting that hides in attributes', `${'<a b="/>">'.repeat(100)}${'</a>'.repeat(100)}`],
  ])('refuses %s', (_, text) => {
    expect(() => parseXml(text)).toThrow(TerminalFault);
  });

  it('throws nothing but TerminalFault, whatever the text', () => {
    const piece = fc.constantFrom(
      '<a',
      '>',
      '/>',
      '</a>',
      ' xmlns="u"',
      ' x:y="1"',
      '&amp;',
      '&#0;',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?p',
      '?>',
      '"',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 30 }), (pieces) => {
        try {
          parseXml(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(TerminalFault);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('takes a megabyte of anything in little time', () => {
    const begun = performance.now();
    for (const text of [
      `<a>${'<b/>'.repeat(250_000)}</a>`,
      `<a ${Array.from({ length: 20_000 }, (_, i) => `b${i}="1"`).join(' ')}/>`,
      `<a>${'&amp;'.repeat(200_000)}</a>`,
      '<'.repeat(1_000_000),
      `<a>${'<!--'.repeat(250_000)}`,
      `<a b="${'<'.repeat(1_000_000)}`,
    ])
      try {
        parseXml(text);
      } catch (error) {
        expect(error).toBeInstanceOf(TerminalFault);
      }
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});

describe('formatXml', () => {
  it('escapes what would be markup', () => {
    const text = formatXml(tag('a', 'b<c>&"', { d: '"&<' }));
    expect(text).toBe('<a d="&quot;&amp;&lt;">b&lt;c&gt;&amp;&quot;</a>\n');
    expect(parseXml(text).text).toBe('b<c>&"');
  });

  it('carries every text that it says it can', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(isXmlText(text));
        expect(parseXml(formatXml(tag('a', text))).text).toBe(text.trim());
      }),
    );
  });
});

describe('formatElement', () => {
  const identitiesOf = (element: XmlElement): (string | null)[] => [
    ...['urn:a', 'urn:b', ''].map((namespace) => identityIn(namespace, element)),
    ...element.children.flatMap(identitiesOf),
  ];

  it.each([
    '<a xmlns="urn:a"><b xmlns="urn:b">x</b></a>',
    '<q:a xmlns:q="urn:a"><q:b>q:x</q:b><q:b>x</q:b></q:a>',
    '<q:a xmlns:q="urn:a" xmlns="urn:b"><q:b>x</q:b><b>q:x</b></q:a>',
    '<a><b xmlns="urn:b" xmlns:q="urn:a">q:x &lt;</b></a>',
    '<a xmlns="urn:a"><b xmlns="">x</b></a>',
  ])('keeps what %s means', (text) => {
    const once = formatElement(parseXml(text));
    expect(contentOf(parseXml(once))).toBe(contentOf(parseXml(text)));
    expect(identitiesOf(parseXml(once))).toEqual(identitiesOf(parseXml(text)));
    expect(formatElement(parseXml(once))).toBe(once);
  });
});
