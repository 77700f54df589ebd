/*
 * Who lives in the simulated hospital and where, as a function of a few numbers: the process that plays the switches and the
 * one that measures work it out each for itself.
 *
 *   switch n   ▶ its address, its site        device i ▶ its class, its switch, its port
 *   device i   ▶ its address in the segment of its class at its site; `generation` 0 and 1 have no address in common
 */

export interface EstateSize {
  readonly switches: number;
  readonly sites: number;
  readonly devices: number;
  /** The first so many devices have one each. */
  readonly sessions: number;
  /** How many of these are infusion pumps, whatever the size is: an edit for one class is about them. */
  readonly pumps: number;
}

interface Kind {
  readonly class: string;
  /** Where it is placed when it is known by its MAC address alone. */
  readonly segment: string;
  /** Of a manufacturer that the sample policy expects. */
  readonly oui: string;
}

const pump: Kind = { class: 'infusion-pump', segment: 'pumps-limited', oui: '00:03:b1' };
const others: readonly Kind[] = [
  { class: 'patient-monitor', segment: 'monitors', oui: '00:09:fb' },
  { class: 'ventilator', segment: 'life-support', oui: '00:25:41' },
  { class: 'dialysis-machine', segment: 'dialysis', oui: '02:00:01' },
  { class: 'ct-scanner', segment: 'imaging-limited', oui: '44:4b:5d' },
  { class: 'chemistry-analyser', segment: 'lab', oui: '02:00:02' },
  { class: 'glucometer', segment: 'point-of-care', oui: '02:00:03' },
  { class: 'nurse-call-station', segment: 'nurse-call', oui: '02:00:04' },
  { class: 'printer', segment: 'printers', oui: '02:00:05' },
  { class: 'ip-phone', segment: 'voice', oui: '02:00:06' },
  { class: 'hvac-controller', segment: 'building', oui: '02:00:07' },
];

/** Places of a segment stand side by side, so that a port ACL about all of them stays short. */
export const mostSites = 32;
/** As many as the addresses of one generation reach for. */
export const mostPerSegment = 500;
export const generations = 2;
/** Of a segment at a site: room for both generations. */
const prefixLength = 22;
const firstPrefix = (172 * 256 + 16) * 65_536;

export const siteName = (site: number): string => `site-${String(site + 1).padStart(2, '0')}`;
export const switchName = (n: number): string => `sw-${String(n + 1).padStart(4, '0')}`;
/** In 127.16.0.0/12, which is all of the loopback interface. */
export const switchAddress = (n: number): string =>
  `127.${16 + ((n + 1) >> 16)}.${((n + 1) >> 8) & 255}.${(n + 1) & 255}`;
export const siteOfSwitch = (n: number, { switches, sites }: EstateSize): number => Math.floor((n * sites) / switches);
export const switchOf = (device: number, { switches }: EstateSize): number => device % switches;
/** Of a device, on its switch. */
export const portOf = (device: number, { switches }: EstateSize): number => Math.floor(device / switches) + 1;

/** Which of the kinds; 0: a pump. */
function kindNumber(device: number, { switches, pumps }: EstateSize): number {
  // From switch to switch and from port to port another one, whatever the number of switches is.
  return device < pumps ? 0 : 1 + ((device + Math.floor(device / switches)) % others.length);
}

export const kindOf = (device: number, size: EstateSize): Kind => [pump, ...others][kindNumber(device, size)]!;

export function macOf(device: number, size: EstateSize): string {
  const hex = device.toString(16).padStart(6, '0');
  return `${kindOf(device, size).oui}:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`;
}

const prefixBase = (segment: number, site: number): number =>
  firstPrefix + (segment * mostSites + site) * 2 ** (32 - prefixLength);
const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/** Of the segment with this number (as the catalog counts them) at a site. */
export const prefixesOf = (segment: number, site: number): string[] => [
  `${dotted(prefixBase(segment, site))}/${prefixLength}`,
  `fd99:0:${segment.toString(16)}:${site.toString(16)}::/64`,
];

/** The addresses of each device that has a session, once it is known how many of its kind came before it at its site. */
export class Addresses {
  private readonly numbers: Int32Array;
  private readonly bases: number[];

  /** `segments`: names in the order in which they have their numbers. */
  constructor(size: EstateSize, segments: readonly string[]) {
    this.numbers = new Int32Array(size.sessions);
    this.bases = [];
    const counts = new Map<string, number>();
    for (let device = 0; device < size.sessions; device++) {
      const { segment } = kindOf(device, size);
      const site = siteOfSwitch(switchOf(device, size), size);
      const key = `${segment} ${site}`;
      const number = counts.get(key) ?? 0;
      if (number >= mostPerSegment)
        throw new Error(`more than ${mostPerSegment} sessions in ${segment} of a site: take more sites`);
      counts.set(key, number + 1);
      this.numbers[device] = number;
      this.bases.push(prefixBase(segments.indexOf(segment), site));
    }
  }

  of(device: number, generation: number): string {
    return dotted(this.bases[device]! + 2 + (generation % generations) * mostPerSegment + this.numbers[device]!);
  }
}
