import type { MudFile } from './mud-file.js';
import type { NewApplication, NewEndpoint } from '../names.js';
import { plainText, quotedText, yamlKey } from '../policy-text.js';

/** A line of flow rules, and why it is there. */
export interface NewRule {
  readonly subject: string;
  readonly object: string;
  readonly application: string;
  /** Access list and entry, each. */
  readonly from: readonly string[];
}

export interface NewPolicy {
  readonly class: string;
  /** Null: the policy has the class already. */
  readonly criticality: string | null;
  readonly parents: readonly string[];
  readonly endpoints: readonly NewEndpoint[];
  readonly applications: readonly NewApplication[];
  readonly rules: readonly NewRule[];
}

/** Most entries that a note names: more are counted. */
const mostNamed = 4;

/** The files of an import: path in the policy folder → text. `asked`: when DNS was asked for addresses; null: it was not. */
export function writePolicy(policy: NewPolicy, file: MudFile, asked: Date | null): Map<string, string> {
  const { class: name } = policy;
  const head = `# Imported from ${plainText(file.url)}\n# ${plainText(aboutDevice(file))}; last update ${plainText(file.lastUpdate)}\n`;
  const files = new Map<string, string>();
  if (policy.criticality !== null) {
    files.set(
      `catalog/classes-${name}.yaml`,
      `${head}\n${yamlKey(name)}: { description: ${quotedText(aboutDevice(file))}, criticality: ${policy.criticality}, source: ${quotedText(file.url)} }\n`,
    );
  }
  if (policy.endpoints.length > 0) {
    const dns = asked
      ? `# Addresses of DNS names are those that DNS gave at ${asked.toISOString()}: they may change, so look again now and then.\n`
      : '';
    const lines = policy.endpoints.map(
      ({ name: one, addresses, description }) =>
        `${yamlKey(one)}: { addresses: [${addresses.map((text) => JSON.stringify(text)).join(', ')}], description: ${quotedText(description)} }`,
    );
    files.set(`catalog/endpoints-${name}.yaml`, `${head}${dns}\n${lines.join('\n')}\n`);
  }
  if (policy.applications.length > 0) {
    const lines = policy.applications.map(
      ({ name: one, ports }) => `${yamlKey(one)}: { ports: [${ports.join(', ')}], source: ${quotedText(file.url)} }`,
    );
    files.set(`catalog/applications-${name}.yaml`, `${head}\n${lines.join('\n')}\n`);
  }
  files.set(
    `rules/mud-${name}.csv`,
    `${head}# subject, object, application, effect, when, note\n\n${rules(policy, file)}`,
  );
  return files;
}

function rules({ class: name, parents, rules: lines }: NewPolicy, file: MudFile): string {
  const links = parents.map((parent) => `g, ${name}, ${parent}\n`);
  const flows = lines.map(({ subject, object, application, from }) => {
    const more = from.length > mostNamed ? ` and ${from.length - mostNamed} more` : '';
    const note = `MUD ${file.url} ${from.slice(0, mostNamed).join(', ')}${more}`;
    return `p, ${subject}, ${object}, ${application}, allow, always, "${plainText(note)}"\n`;
  });
  return [...links, ...flows].join('');
}

export function aboutDevice({ systemInfo, manufacturer, model }: MudFile): string {
  const make = [manufacturer, model].filter((text) => text !== null && text.trim() !== '').join(' ');
  return [systemInfo.trim(), make].filter((text) => text !== '').join(', ') || 'a device of unknown make';
}
