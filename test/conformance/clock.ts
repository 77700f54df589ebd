/*
 * Loaded into the bridge before its own code: its clock is ahead by the milliseconds that stand in a file. Lifetimes of a
 * minute and more are tested without waiting for them.
 */
import { readFileSync } from 'node:fs';

const file = process.env['CORDON_TEST_CLOCK'];
const real = Date.now.bind(Date);

function ahead(): number {
  try {
    return file ? Number(readFileSync(file, 'utf8')) : 0;
  } catch {
    return 0;
  }
}

const now = (): number => real() + ahead();

globalThis.Date = new Proxy(Date, {
  construct: (target, parts, made) => Reflect.construct(target, parts.length === 0 ? [now()] : parts, made) as object,
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});
