/** What a make of switch can be configured to do by itself while no RADIUS server answers. */
export interface ServerDownAbilities {
  /** Devices that are in stay as they are, and those that come get a VLAN and a list. False: one or the other. */
  readonly keepsAndAdmits: boolean;
  /** Ports of SCTP in a list that stands on the switch. */
  readonly sctpPorts: boolean;
}

const catalyst: ServerDownAbilities = { keepsAndAdmits: true, sctpPorts: true };

/*
 * Sources: Cisco IBNS command reference (`pause reauthentication`, `event aaa-available`); HPE AOS-CX security guide (`critical-role`,
 * `cached-reauth`); Juniper TechLibrary, "server-fail": one action for a port. None was tried on the hardware by us.
 */
const abilities: ReadonlyMap<string, ServerDownAbilities> = new Map([
  ['cisco-ios-xe', catalyst],
  ['cisco-ios-xe-dacl', catalyst],
  ['aruba-cx', { keepsAndAdmits: true, sctpPorts: true }],
  ['juniper-ex', { keepsAndAdmits: false, sctpPorts: false }],
]);

/** Null: Cordon has no words for it. */
export const serverDownAbilities = (profile: string): ServerDownAbilities | null => abilities.get(profile) ?? null;
