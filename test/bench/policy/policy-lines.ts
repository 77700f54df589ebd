import { list } from './numbers.ts';

/* Lines that both shapes of generated policies have. */

export const flowLine = (subject: string, object: string, application: string, effect: 'allow' | 'deny'): string =>
  `p, ${subject}, ${object}, ${application}, ${effect}, always, "generated"`;

export const siteName = (site: number, sites: number): string => (sites === 1 ? 'main' : `site-${site}`);

/** Switches in turn at all sites, half of them of each profile; no file where there are none. */
export function nasFile(count: number, sites: number): [string, string][] {
  if (count === 0) return [];
  const lines = list(count, (i) => {
    const profile = Math.floor(i / sites) % 2 === 0 ? 'rfc' : 'cisco-ios-xe';
    const address = `10.127.${i >> 8}.${i & 255}`;
    return `switch-${i}: { address: ${address}, site: ${siteName(i % sites, sites)}, profile: ${profile}, secret: "env:SECRET" }`;
  });
  return [['network/nas.yaml', lines.join('\n')]];
}
