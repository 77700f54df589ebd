import { z } from 'zod';

/* What of the language server protocol (3.17) is used here. Lines and characters count from 0, characters in UTF-16, as in JavaScript. */

export const position = z.object({ line: z.int().min(0), character: z.int().min(0) });
const document = z.object({ uri: z.string() });

export const initializeParams = z.object({
  initializationOptions: z.object({ policy: z.string().optional() }).nullish().catch(null),
});
export const openParams = z.object({ textDocument: document.extend({ text: z.string() }) });
export const changeParams = z.object({
  textDocument: document,
  /** The whole text each time. */
  contentChanges: z.array(z.object({ text: z.string(), range: z.undefined().optional() })),
});
export const documentParams = z.object({ textDocument: document });
export const placeParams = documentParams.extend({ position });
export const referenceParams = placeParams.extend({
  context: z.object({ includeDeclaration: z.boolean() }).default({ includeDeclaration: true }),
});
export const renameParams = placeParams.extend({ newName: z.string() });

export type Position = z.infer<typeof position>;

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export interface Location {
  readonly uri: string;
  readonly range: Range;
}

export interface TextEdit {
  readonly range: Range;
  readonly newText: string;
}

/** Numbers of the protocol: kinds of completion items that are used, and severities. */
export const itemKinds = { class: 7, module: 9, unit: 11, value: 12, keyword: 14, reference: 18, event: 23 } as const;
export const severityNumbers = { error: 1, warning: 2, info: 3 } as const;

export interface CompletionItem {
  readonly label: string;
  readonly kind: number;
  readonly detail: string;
  readonly sortText: string;
  readonly textEdit: TextEdit;
}
