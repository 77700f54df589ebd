/** Names and messages of a repository are hostile too: no control characters reach a terminal, and no marks that turn text around. */
export function printable(text: string, most = 200): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?').slice(0, most);
}
