import type { Report } from '../codes.js';

/** The one Casbin model that Cordon compiles. Another model would mean another meaning of the same lines. */
export const casbinModel = `[request_definition]
r = sub, obj, app, at
r2 = sub, site, posture, segment, at

[policy_definition]
p = sub, obj, app, eft, when, note
p2 = sub, site, posture, segment, when, note

[role_definition]
g = _, _
g2 = _, _
g3 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
e2 = some(where (p.eft == allow))

[matchers]
m = g(r.sub, p.sub) && g(r.obj, p.obj) && g2(r.app, p.app) && active(p.when, r.at)
m2 = g(r2.sub, p2.sub) && g3(r2.site, p2.site) && r2.posture == p2.posture && r2.segment == p2.segment && active(p2.when, r2.at)
`;

const normalized = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').replace(/\s+/g, ''))
    .filter((line) => line !== '');

/** `model.conf` may be laid out and commented freely; its words must be these. */
export function checkModel(text: string, report: Report): void {
  const expected = normalized(casbinModel);
  const span = { file: 'model.conf', line: 1, column: 1 };
  const found = normalized(text);
  const odd = found.find((line) => !expected.includes(line)) ?? expected.find((line) => !found.includes(line));
  if (odd === undefined && found.length === expected.length) return;
  const number = text.split(/\r?\n/).findIndex((line) => normalized(line)[0] === odd);
  const hint = 'take model.conf from the sample policies: Cordon compiles this model and no other';
  report.add(
    'unsupported-model',
    { ...span, line: number + 1 || 1 },
    `the model differs at \`${odd ?? 'its order'}\``,
    hint,
  );
}
