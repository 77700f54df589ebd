import { z } from 'zod';
import {
  applicationSchema,
  classSchema,
  endpointSchema,
  scheduleSchema,
  segmentSchema,
  siteSchema,
} from '../load/catalog.js';
import { eapSchema } from '../load/eap.js';
import { namePattern } from '../load/names.js';
import { enforcementPointSchema, nasSchema } from '../load/network.js';
import { proxySchema } from '../load/proxies.js';
import { radsecSchema } from '../load/radsec.js';
import { rolloutSchema } from '../load/rollout.js';
import { serverDownSchema } from '../load/server-down.js';
import { settingsSchema } from '../load/settings.js';
import { suspicionsSchema } from '../load/suspicions.js';
import { accessClaim, flowClaim, frame } from '../load/tests-invariants.js';
import { accessTest, flowTest } from '../load/tests.js';
import { describeField } from './descriptions.js';

const named = (entry: z.ZodType): z.ZodType => z.record(z.string().regex(namePattern), entry);
const claim = z.union([flowClaim, accessClaim]).optional();
const testsSchema = z.strictObject({
  tests: z.array(z.union([flowTest, accessTest])).optional(),
  invariants: z.array(frame.extend({ never: claim, always: claim, only: claim })).optional(),
});

/** Files that may be split: catalog/classes-imaging.yaml, catalog/classes/imaging.yaml. */
const split = (path: string): string[] => ['.yaml', '-*.yaml', '/**/*.yaml'].map((end) => path + end);

/** Each kind of YAML file: where it stands in a policy folder, and what the loader takes there. */
const kinds: Readonly<Record<string, { readonly globs: readonly string[]; readonly schema: z.ZodType }>> = {
  classes: { globs: split('catalog/classes'), schema: named(classSchema) },
  endpoints: { globs: split('catalog/endpoints'), schema: named(endpointSchema) },
  applications: { globs: split('catalog/applications'), schema: named(applicationSchema) },
  segments: { globs: split('catalog/segments'), schema: named(segmentSchema) },
  sites: { globs: split('catalog/sites'), schema: named(siteSchema) },
  schedules: { globs: split('catalog/schedules'), schema: named(scheduleSchema) },
  nas: { globs: split('network/nas'), schema: named(nasSchema) },
  proxies: { globs: split('network/proxies'), schema: named(proxySchema) },
  'enforcement-points': { globs: split('network/enforcement-points'), schema: named(enforcementPointSchema) },
  eap: { globs: ['network/eap.yaml'], schema: eapSchema },
  radsec: { globs: ['network/radsec.yaml'], schema: radsecSchema },
  rollout: { globs: ['network/rollout.yaml'], schema: rolloutSchema },
  suspicions: { globs: ['network/suspicions.yaml'], schema: suspicionsSchema },
  'server-down': { globs: ['network/server-down.yaml'], schema: serverDownSchema },
  tests: { globs: ['tests/**/*.yaml'], schema: testsSchema },
  cordon: { globs: ['cordon.yaml'], schema: settingsSchema },
};

export interface FileSchema {
  readonly kind: string;
  /** Of its files, in a policy folder. */
  readonly globs: readonly string[];
  /** JSON Schema, draft 7: what editors take. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/**
 * For editors: the fields of each kind of YAML file, made from what the loader itself takes. Whether names are declared and
 * values go together is not in them: `cordon check` says that.
 */
export function fileSchemas(): FileSchema[] {
  return Object.entries(kinds).map(([kind, { globs, schema }]) => {
    const made = jsonSchemaOf(schema) as JsonSchema;
    describe(made, (path) => describeField(kind, path.replace(/^\*\./, isNamed(made) ? '' : '*.')), '');
    return { kind, globs, schema: { ...made, title: `Cordon: ${globs[0]}` } };
  });
}

/** The parts of JSON Schema that zod makes of our schemas. */
interface JsonSchema {
  description?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema | JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

const isNamed = ({ properties }: JsonSchema): boolean => properties === undefined;

function jsonSchemaOf(schema: z.core.$ZodType): object {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    target: 'draft-7',
    // What is one or a list of them: the loader makes a list of it first.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type !== 'pipe' || def.in._zod.def.type !== 'transform') return;
      const { $schema: _, ...list } = jsonSchemaOf(def.out) as { $schema?: string; items?: JsonSchema };
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
      Object.assign(jsonSchema, { anyOf: [list.items ?? {}, list] });
    },
  });
}

/** Puts the description of each field in; `*` stands for any name and any item. */
function describe(schema: JsonSchema, textOf: (path: string) => string | null, path: string): void {
  for (const [field, inner] of Object.entries(schema.properties ?? {})) {
    const text = textOf(path + field);
    if (text !== null) inner.description = text;
    describe(inner, textOf, `${path}${field}.`);
  }
  const { additionalProperties: values, items } = schema;
  if (typeof values === 'object') describe(values, textOf, `${path}*.`);
  for (const item of [items ?? []].flat()) describe(item, textOf, `${path}*.`);
  for (const part of [schema.anyOf, schema.oneOf, schema.allOf].flatMap((parts) => parts ?? []))
    describe(part, textOf, path);
}
