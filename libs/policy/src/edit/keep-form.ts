import { Report } from '../codes.js';
import { formatRuleFile } from '../format/rule-file.js';
import { formatYamlFile } from '../format/yaml-text.js';

const format = (file: string, text: string): string =>
  file.endsWith('.csv') ? formatRuleFile(file, text, new Report()) : formatYamlFile(file, text, new Report());

/** A file that was formatted stays so; in another one nothing but the edit changes. */
export function keepForm(file: string, before: string, after: string): string {
  return format(file, before) === before ? format(file, after) : after;
}
