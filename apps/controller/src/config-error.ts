import { readFileSync } from 'node:fs';

/** Something in the configuration is wrong; the message says which variable and how to write it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `variable`: which named the file. */
export function readSecretFile(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${variable} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
