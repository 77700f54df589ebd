import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { Refusal } from './refusal.js';

/** Parses a body, a query or a path parameter strictly, and names each field that is wrong. */
export class ZodPipe<T> implements PipeTransform<unknown, T> {
  constructor(private readonly schema: z.ZodType<T>) {}

  transform(value: unknown, { type, data }: ArgumentMetadata): T {
    const parsed = this.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const prefix = type === 'query' ? '?' : '/';
    const errors = parsed.error.issues.flatMap((issue) => {
      const path = [...(data ? [data] : []), ...issue.path.map(String)];
      const names = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
      return names.map((name) => ({ pointer: prefix + name.join('/'), detail: issue.message }));
    });
    throw new Refusal('malformed', 'the request is not as it should be: see `errors`', errors);
  }
}
