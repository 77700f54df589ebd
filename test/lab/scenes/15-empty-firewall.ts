import type { Lab } from '../lab.ts';
export async function showEmptyFirewall(_lab: Lab): Promise<void> {}
