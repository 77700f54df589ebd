import type { Lab } from '../lab.ts';
export async function showThreePoints(_lab: Lab): Promise<void> {}
