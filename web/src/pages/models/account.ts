/** What an account at a provider is known by, between a form and the admin API. A text that is left empty was not said. */
import type { KnownProvider } from "../../lib/schema";

/** What was typed: the key as "key", another address as "custom_host", and the fields of the provider by their names. */
export type Typed = Record<string, string>;

export interface Tried {
  verdict: "works" | "key_refused" | "known" | "unclear" | "unreachable";
  model: string;
  message: string;
  status: number;
  latency: number;
}

const PARAMS = "params.";
/** How a secret begins that is shown in place of itself. */
const MASK = "****";

/** What was typed as `configurations`, in place of what was there (`before`). */
export function configurations(known: KnownProvider, typed: Typed, before: Record<string, unknown> = {}): Record<string, unknown> {
  const said: Record<string, unknown> = { ...before };
  const params: Record<string, unknown> = { ...(before.params as Record<string, unknown> | undefined) };
  for (const name of ["custom_host", ...known.fields.map((field) => field.name)]) {
    const value = typed[name]?.trim() ?? "";
    const [place, member] = name.startsWith(PARAMS) ? [params, name.slice(PARAMS.length)] : [said, name];
    if (value) place[member] = value;
    else if (!isMasked(place[member])) delete place[member];
  }
  delete said.params;
  return Object.keys(params).length ? { ...said, params } : said;
}

/** What is shown of an account, as a form has it: what is secret is not in it. */
export function shownAs(known: KnownProvider, before: Record<string, unknown>): Typed {
  const params = (before.params ?? {}) as Record<string, unknown>;
  const typed: Typed = {};
  for (const name of ["custom_host", ...known.fields.map((field) => field.name)]) {
    const value = name.startsWith(PARAMS) ? params[name.slice(PARAMS.length)] : before[name];
    typed[name] = typeof value === "string" && !isMasked(value) ? value : "";
  }
  return typed;
}

export function isMasked(value: unknown): boolean {
  return typeof value === "string" && value.startsWith(MASK);
}

/** A verdict as a sentence. */
export function told(tried: Tried, name: string): string {
  const said = tried.message ? ` ${name} says: ${tried.message}` : "";
  switch (tried.verdict) {
    case "works":
      return `It works: ${tried.model} has answered in ${Math.round(tried.latency)} ms.`;
    case "key_refused":
      return `The key is not accepted.${said}`;
    case "known":
      return `The key is known, but the request was turned down.${said}`;
    case "unreachable":
      return `Nobody answers there.${tried.message ? ` ${tried.message}` : ""}`;
    default:
      return `It is not clear whether the key is good.${said}`;
  }
}
