import { assertNever } from '#base';
import type { PolicyCode, Report } from '../codes.js';
import type { FlowRuleSource } from '../policy.js';
import type { Standing } from './standing.js';
import { formatPacket, formatRule, relatedRules } from './wording.js';

/** One finding at most: the one that says most. `why`: the reason when there is no packet that the rule speaks of. */
export function reportStanding(
  rule: FlowRuleSource,
  standing: Standing,
  why: () => { code?: PolicyCode; summary: string; hint: string },
  report: Report,
): void {
  const line = `\`${formatRule(rule)}\``;
  switch (standing.kind) {
    case 'never-matches': {
      const { code = 'rule-never-matches', summary, hint } = why();
      return report.add(code, rule.span, `${line} is about no packet: ${summary}`, hint);
    }
    case 'contradicted': {
      const summary = `${line} allows exactly what a deny closes; the deny wins`;
      return report.add('rules-contradict', rule.span, summary, 'remove one of the two', relatedRules(standing.by));
    }
    case 'shadowed': {
      const closed = standing.by.length === 1 ? 'a deny closes' : `${standing.by.length} denies together close`;
      const summary = `${line} never takes effect: ${closed} all of it, ${example(standing.example)}`;
      const hint = 'remove it; or, if it must work, narrow what closes it';
      return report.add('rule-shadowed', rule.span, summary, hint, relatedRules(standing.by));
    }
    case 'redundant': {
      const verb = rule.effect === 'allow' ? 'allow' : 'close';
      const others = standing.by.length === 1 ? 'another rule' : `${standing.by.length} other rules together`;
      const verbs = standing.by.length === 1 ? `${verb}s` : verb;
      const summary = `${line} adds nothing: ${others} ${verbs} all of it, ${example(standing.example)}`;
      const hint = 'remove it: no verdict changes, also with every other rule removed that is found redundant here';
      return report.add('rule-redundant', rule.span, summary, hint, relatedRules(standing.by));
    }
    case 'without-effect': {
      const { reason } = standing;
      const summary = reason
        ? `${line} overrides no allow that other denies would not, ${example(reason.example)}`
        : `${line} overrides no allow now`;
      const hint = 'keep it if it guards against later allows; else remove it';
      return report.add('deny-without-effect', rule.span, summary, hint, relatedRules(reason?.by ?? []));
    }
    case 'effective': {
      if (!standing.cut) return;
      const { by, example: packet } = standing.cut;
      const summary = `${line} is closed in part, ${example(packet)}`;
      const hint = 'nothing to do if these exceptions are meant';
      return report.add('rule-partly-shadowed', rule.span, summary, hint, relatedRules(by));
    }
    default:
      assertNever(standing);
  }
}

const example = (packet: Parameters<typeof formatPacket>[0]): string => `for example ${formatPacket(packet)}`;
