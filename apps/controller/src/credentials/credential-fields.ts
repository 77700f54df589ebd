import { macSchema, passwordMethods, passwordSchema, type PasswordMethod } from '#model';
import { z } from 'zod';

/**
 * What a credential is set to. Without `methods` it is good for `pap` alone, whose hash is worth nothing to a thief who
 * can't guess: `mschapv2` has to be asked for, because its hash is as good as the password.
 */
export const newCredential = z
  .strictObject({
    mac: macSchema,
    password: passwordSchema.optional(),
    /** The controller draws the password and shows it once, in its answer. */
    generate: z.literal(true).optional(),
    methods: z
      .array(z.enum(passwordMethods))
      .min(1)
      .default(['pap'])
      .transform((methods) => passwordMethods.filter((each) => methods.includes(each))),
  })
  .refine(({ password, generate }) => (password === undefined) === (generate === true), {
    path: ['password'],
    message: 'give either a `password` or `"generate": true`',
  });
export type NewCredential = z.infer<typeof newCredential>;

/** A credential as the API and the audit trail show it. */
export interface CredentialView {
  readonly username: string;
  readonly mac: string;
  readonly methods: readonly PasswordMethod[];
  readonly createdAt: string;
  /** When the password was set last. */
  readonly updatedAt: string;
}

const viewSchema = z.strictObject({
  username: z.string(),
  mac: z.string(),
  methods: z.array(z.enum(passwordMethods)),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export const credentialPage = z.strictObject({ items: z.array(viewSchema), next: z.string().nullable() });
export const setAnswer = viewSchema.extend({ password: z.string().optional() });
export type SetAnswer = CredentialView & { readonly password?: string };
