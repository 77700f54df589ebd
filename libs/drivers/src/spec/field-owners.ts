/** Who wrote which field: what server-side apply goes by. Maps are owned key by key, lists and everything else as a whole. */

export type Json = { readonly [key: string]: unknown };

interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  fields: Set<string>;
}

/** As paths with their values: `["spec","ingress"]` → the list. */
type Fields = ReadonlyMap<string, unknown>;

export class FieldConflict extends Error {}

export class FieldOwners {
  private owners: Owner[] = [];

  /** After a create or a plain update: what differs from before is this manager's from now on. */
  update(manager: string, before: Json, after: Json): void {
    const [old, now] = [fieldsOf(before), fieldsOf(after)];
    const changed = [...now].filter(([path, value]) => !isSame(old.get(path), value)).map(([path]) => path);
    for (const owner of this.owners)
      owner.fields = new Set([...owner.fields].filter((path) => now.has(path) && !changed.includes(path)));
    const own = this.ownerOf(manager, 'Update');
    for (const path of changed) own.fields.add(path);
    this.drop();
  }

  /** What the object is once this configuration is applied. Throws `FieldConflict` when others own what it changes, unless forced. */
  apply(manager: string, before: Json, configuration: Json, isForced: boolean): Json {
    const old = fieldsOf(before);
    const wanted = fieldsOf(configuration);
    const own = this.ownerOf(manager, 'Apply');
    const result = new Map(old);
    for (const [path, value] of wanted) {
      const others = this.owners.filter((owner) => owner !== own && owner.fields.has(path));
      if (others.length > 0 && !isSame(old.get(path), value)) {
        if (!isForced) throw new FieldConflict(`conflict with ${others[0]!.manager} about ${path}`);
        for (const other of others) other.fields.delete(path);
      }
      result.set(path, value);
    }
    for (const path of own.fields)
      if (!wanted.has(path) && !this.owners.some((owner) => owner !== own && owner.fields.has(path)))
        result.delete(path);
    own.fields = new Set(wanted.keys());
    this.drop();
    return objectOf(result);
  }

  get managedFields(): Json[] {
    return this.owners.map(({ manager, operation, fields }) => ({
      manager,
      operation,
      apiVersion: 'networking.k8s.io/v1',
      fieldsType: 'FieldsV1',
      fieldsV1: Object.fromEntries([...fields].map((path) => [`f:${(JSON.parse(path) as string[]).join('.f:')}`, {}])),
    }));
  }

  private ownerOf(manager: string, operation: Owner['operation']): Owner {
    const known = this.owners.find((owner) => owner.manager === manager && owner.operation === operation);
    if (known) return known;
    const owner = { manager, operation, fields: new Set<string>() };
    this.owners.push(owner);
    return owner;
  }

  private drop(): void {
    this.owners = this.owners.filter(({ fields }) => fields.size > 0);
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Of the parts that people and controllers write; what the server keeps for itself has no owner. */
function fieldsOf({ metadata, spec }: Json): Fields {
  const { labels, annotations, finalizers, ownerReferences } = (metadata ?? {}) as Json;
  const out = new Map<string, unknown>();
  const walk = (path: readonly string[], value: unknown): void => {
    if (value === undefined) return;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) out.set(JSON.stringify(path), value);
    else for (const [key, each] of Object.entries(value)) walk([...path, key], each);
  };
  walk([], { metadata: { labels, annotations, finalizers, ownerReferences }, spec });
  return out;
}

function objectOf(fields: Fields): Json {
  const root: Record<string, unknown> = {};
  for (const [path, value] of fields) {
    const keys = JSON.parse(path) as string[];
    let at = root;
    for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>;
    at[keys.at(-1)!] = value;
  }
  return root;
}
