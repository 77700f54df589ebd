/* Words of others in files of a policy. */

/** A text as it may stand in a comment, a quoted column or a YAML text: one line of printable characters. */
export function plainText(text: string): string {
  return text
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ')
    .replaceAll(/["\\]/g, "'")
    .replaceAll(/[([{]/g, '<')
    .replaceAll(/[)\]}]/g, '>')
    .trim();
}

export const quotedText = (text: string): string => JSON.stringify(plainText(text));

/** Quoted when YAML would read something other than text. */
export const yamlKey = (name: string): string =>
  /^[a-z][\da-z-]*$/.test(name) && !/^(true|false|null|y|n|yes|no|on|off)$/.test(name) ? name : JSON.stringify(name);
