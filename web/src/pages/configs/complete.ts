/** What a config may say at a place, by its JSON Schema: names of members, and values where they are few. */
import type { Place, Step } from "./json";

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  anyOf?: Schema[];
  oneOf?: Schema[];
  type?: string;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  default?: unknown;
  description?: string;
}

export interface Proposal {
  label: string;
  detail: string;
  /** What takes the place of the word that was begun, quotes included. */
  text: string;
  /** Where the cursor is to be in it. */
  cursor: number;
}

/** What a schema admits, references followed: one for each way. */
function ways(root: Schema, schema: Schema | undefined): Schema[] {
  if (!schema) return [];
  if (schema.$ref) return ways(root, root.$defs?.[schema.$ref.split("/").at(-1) ?? ""]);
  const several = schema.anyOf ?? schema.oneOf;
  return several ? several.flatMap((each) => ways(root, each)) : [schema];
}

function at(root: Schema, steps: readonly Step[]): Schema[] {
  let here = ways(root, root);
  for (const step of steps) {
    here = here.flatMap((each) => ways(root, typeof step === "number" ? each.items : each.properties?.[step]));
  }
  return here;
}

/** `slugs` are the providers that are set up. */
export function proposals(root: Schema, place: Place, slugs: readonly string[]): Proposal[] {
  const begun = place.word.toLowerCase();
  const fits = (text: string) => text.toLowerCase().includes(begun) && text !== place.word;
  if (place.member === null) {
    const names = at(root, place.steps).flatMap((each) => Object.entries(each.properties ?? {}));
    return names.filter(([name]) => !place.there.includes(name) && fits(name)).map(([name, schema]) => member(root, name, schema));
  }
  const steps = place.member === "" ? place.steps : [...place.steps, place.member];
  const values = at(root, steps).flatMap((each) => (each.enum ?? (each.type === "boolean" ? [true, false] : [])) as unknown[]);
  const named = steps.at(-1) === "provider" ? slugs.map((slug) => `@${slug}`) : [];
  return [...new Set([...named, ...values])].filter((value) => value !== "" && fits(String(value))).map((value) => proposal(String(value), "", JSON.stringify(value)));
}

function proposal(label: string, detail: string, text: string, back = 0): Proposal {
  return { label, detail, text, cursor: text.length - back };
}

function member(root: Schema, name: string, schema: Schema): Proposal {
  const kinds = ways(root, schema);
  const kind = kinds.find((each) => each.type !== "null") ?? {};
  const detail = [...new Set(kinds.map((each) => (each.enum ? "text" : (each.type ?? ""))).filter((each) => each && each !== "null"))].join(" or ");
  const [open, close] = kind.type === "object" ? ["{", "}"] : kind.type === "array" ? ["[", "]"] : kind.type === "string" || kind.enum ? ['"', '"'] : ["", ""];
  return proposal(name, detail, `"${name}": ${open}${close}`, close.length);
}
