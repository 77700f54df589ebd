/** A query string of what is given; empty when nothing is. */
export function queryOf(members: Readonly<Record<string, string | null | undefined>>): string {
  const given = Object.entries(members).filter((member): member is [string, string] => Boolean(member[1]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}
