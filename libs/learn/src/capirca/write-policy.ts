import type { NewApplication, NewEndpoint } from '../names.js';
import { plainText, quotedText, yamlKey } from '../policy-text.js';
import type { Term } from './term.js';

/** A line of flow rules, and the terms that it is there for. */
export interface CapircaRule {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
  /** `always`, or `until 2027-03-30`. */
  readonly when: string;
  readonly terms: readonly Term[];
}

export interface CapircaPolicy {
  readonly name: string;
  readonly files: readonly string[];
  readonly endpoints: readonly NewEndpoint[];
  readonly applications: readonly NewApplication[];
  readonly rules: readonly CapircaRule[];
}

/** Terms that a note names: more are counted. */
const mostNamed = 3;
/** Characters of a comment in a note. */
const mostComment = 120;

/** The files of an import: path in the policy folder → text. */
export function writePolicy({ name, files, endpoints, applications, rules }: CapircaPolicy): Map<string, string> {
  const source = files.map(plainText).join(', ');
  const head = `# Imported from ${source} (Capirca)\n`;
  const out = new Map<string, string>();
  if (endpoints.length > 0) {
    const lines = endpoints.map(
      (one) =>
        `${yamlKey(one.name)}: { addresses: [${one.addresses.map((text) => JSON.stringify(text)).join(', ')}], description: ${quotedText(one.description)} }`,
    );
    out.set(`catalog/endpoints-${name}.yaml`, `${head}\n${lines.join('\n')}\n`);
  }
  if (applications.length > 0) {
    const lines = applications.map(
      (one) => `${yamlKey(one.name)}: { ports: [${one.ports.join(', ')}], source: ${quotedText(source)} }`,
    );
    out.set(`catalog/applications-${name}.yaml`, `${head}\n${lines.join('\n')}\n`);
  }
  const lines = rules.map(
    ({ subject, object, application, when, terms }) =>
      `p, ${subject}, ${object}, ${application}, allow, ${when}, "${noteOf(terms)}"\n`,
  );
  out.set(
    `rules/capirca-${name}.csv`,
    `${head}# subject, object, application, effect, when, note\n\n${lines.join('')}`,
  );
  return out;
}

/** `policies/edge.pol:12 edge-inbound/permit-web: web for everybody; owner jane` */
function noteOf(terms: readonly Term[]): string {
  const named = terms
    .slice(0, mostNamed)
    .map(({ span, filter, name }) => `${span.file}:${span.line} ${filter}/${name}`);
  const more = terms.length > mostNamed ? [`and ${terms.length - mostNamed} more`] : [];
  const comment = [...new Set(terms.map((term) => term.comment))].filter(Boolean).join(' ').slice(0, mostComment);
  const owners = [...new Set(terms.flatMap(({ owner }) => owner ?? []))].map((owner) => `owner ${owner}`);
  const about = [comment, ...owners].filter(Boolean).join('; ');
  return plainText(`${[...named, ...more].join(', ')}${about === '' ? '' : `: ${about}`}`);
}
