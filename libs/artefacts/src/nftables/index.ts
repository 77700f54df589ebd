import { failure, success, type Diagnostic } from '#base';
import { createNftablesDriver, parseTable } from '#drivers';
import { stateOf } from '#model';
import type { SiteTarget } from '../target.js';
import { classesOf, proveRules, proveTable } from './prove.js';

/** What Linux firewalls take: the driver's own artefact, without members. */
export const nftables: SiteTarget = {
  kind: 'site',
  name: 'nftables',
  description: 'table `inet cordon` of a Linux firewall for a whole site, as `nft -j list table inet cordon` prints it',
  render(rules) {
    const driver = createNftablesDriver();
    const errors = driver.check(stateOf(rules)).filter(({ severity }) => severity === 'error');
    if (errors.length > 0) return failure(errors);
    const proved = proveRules(driver, rules);
    return 'code' in proved ? failure([proved]) : success(driver.render(stateOf(rules)));
  },
  verify(rules, text) {
    const proved = proveRules(createNftablesDriver(), rules);
    if ('code' in proved) return failure([proved]);
    try {
      const table = parseTable(text);
      if (!table) return failure([notUnderstood('there is no table `inet cordon` in it')]);
      return success(proveTable(rules, classesOf(rules), table, proved.setClasses));
    } catch (error) {
      // What the reader or the evaluation does not know can't be proved.
      return failure([notUnderstood(error instanceof Error ? error.message : String(error))]);
    }
  },
};

function notUnderstood(summary: string): Diagnostic {
  const hint = 'give the output of `nft -j list table inet cordon`';
  return { severity: 'error', code: 'not-understood', summary, hint };
}
