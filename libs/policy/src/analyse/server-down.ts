import { serverDownAbilities } from '#radius';
import type { Report } from '../codes.js';
import type { Policy } from '../policy.js';

/** Switches of which the policy does not say what they do while no RADIUS server answers, and makes that can't do all of it. */
export function reportServerDown({ nas }: Policy, report: Report): void {
  const silent = nas.filter(({ serverDown, isLeftAlone }) => !serverDown && !isLeftAlone);
  for (const [site, alike] of Map.groupBy(silent, (one) => one.site)) {
    const { name, span } = alike[0]!;
    const others = alike.length > 1 ? ` and ${alike.length - 1} more at \`${site}\`` : '';
    const summary = `nothing says what \`${name}\`${others} does while no RADIUS server answers: the make's default counts`;
    const hint = 'name a critical segment in network/server-down.yaml, or write `none` there for this switch';
    report.add('server-down-missing', span, summary, hint);
  }
  const alike = Map.groupBy(nas, ({ profile, serverDown }) => `${profile} ${serverDown?.keepAuthorized}`);
  for (const [{ name, span, profile, serverDown }] of [...alike.values()].map((list) => [list[0]!] as const)) {
    if (!serverDown) continue;
    const abilities = serverDownAbilities(profile);
    if (!abilities) {
      const summary = `\`${name}\` (${profile}): Cordon has no words for what this make does while no RADIUS server answers`;
      report.add('server-down-by-hand', span, summary, 'write it by hand, from `cordon render --server-down`');
    } else if (serverDown.keepAuthorized && !abilities.keepsAndAdmits) {
      const summary = `\`${name}\` (${profile}) keeps devices that are in, and then lets in nobody who comes while no RADIUS server answers`;
      const hint = 'this make does one or the other: `keepAuthorized: false` gives newcomers the critical segment';
      report.add('server-down-make', span, summary, hint);
    }
  }
}
