import { assertNever, formatDiagnostic, type Diagnostic } from '#base';
import type { PolicyPlan } from '../plan.js';
import { formatHuman, type HumanOptions } from './human.js';
import { formatJson } from './json.js';
import { formatJunit, formatJunitRefusal } from './junit.js';
import { formatMarkdown, formatMarkdownRefusal, type MarkdownOptions } from './markdown.js';
import { formatSarif, formatSarifRefusal, type SarifOptions } from './sarif.js';
import { visible } from './words.js';

export const planFormats = ['human', 'json', 'markdown', 'sarif', 'junit'] as const;
export type PlanFormat = (typeof planFormats)[number];

export interface FormatOptions extends HumanOptions, MarkdownOptions, SarifOptions {}

/** A plan as text: a pure function of the two. */
export function formatPlan(plan: PolicyPlan, format: PlanFormat, options: FormatOptions = {}): string {
  switch (format) {
    case 'human':
      return formatHuman(plan, options);
    case 'json':
      return formatJson(plan);
    case 'markdown':
      return formatMarkdown(plan, options);
    case 'sarif':
      return formatSarif(plan, options);
    case 'junit':
      return formatJunit(plan);
    default:
      return assertNever(format);
  }
}

/** A policy, an inventory or a file of flows that is refused: there is no plan, and every format says why. */
export function formatRefusal(
  place: string | null,
  diagnostics: readonly Diagnostic[],
  format: PlanFormat,
  options: FormatOptions = {},
): string {
  switch (format) {
    case 'human': {
      const lines = diagnostics.flatMap((finding) => formatDiagnostic(finding).split('\n'));
      const refused = `refused${place === null ? '' : ` (${place})`}: there is no plan`;
      return [...lines.map((line) => line.match(/^ */)![0] + visible(line.trimStart())), refused, ''].join('\n');
    }
    case 'json': {
      const list = diagnostics.map(({ severity, code, summary, hint, span }) => {
        const { file = null, line = null, column = null } = span ?? {};
        return { severity, code, summary, file, line, column, hint };
      });
      return `${JSON.stringify({ ok: false, place, diagnostics: list }, null, 2)}\n`;
    }
    case 'markdown':
      return formatMarkdownRefusal(place, diagnostics, options);
    case 'sarif':
      return formatSarifRefusal(diagnostics, options);
    case 'junit':
      return formatJunitRefusal(diagnostics);
    default:
      return assertNever(format);
  }
}
