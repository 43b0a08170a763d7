/** What a workspace's form has, from what the API says and back: only what was changed is said. */
import type { ChangedWorkspace, WholeWorkspace } from "../../lib/schema";

export interface Form {
  name: string;
  description: string;
  config: string;
  override: boolean;
  /** "name=value", one a line. */
  metadata: string;
  capture: string;
  patterns: string;
  fields: string;
  cache: "free" | "capped" | "off";
  /** Seconds, as they are typed. */
  age: string;
}

type Shown = Pick<WholeWorkspace, "name" | "description" | "defaults" | "capture" | "redact" | "cache">;

export function filled(value: Shown): Form {
  return {
    name: value.name,
    description: value.description ?? "",
    config: value.defaults.config_id ?? "",
    override: value.defaults.allow_config_override,
    metadata: Object.entries(value.defaults.metadata)
      .map(([name, said]) => `${name}=${said}`)
      .join("\n"),
    capture: value.capture,
    patterns: (value.redact?.patterns ?? []).join("\n"),
    fields: (value.redact?.fields ?? []).join("\n"),
    cache: value.cache.off ? "off" : value.cache.max_age === null ? "free" : "capped",
    age: String(value.cache.max_age ?? 3600),
  };
}

const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Pairs as an object; null where a line is none. */
export function pairs(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const line of lines(text)) {
    const at = line.indexOf("=");
    if (at < 1) return null;
    found[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return found;
}

/** The change that leads from one form to the other. */
export function changes(before: Form, after: Form): ChangedWorkspace {
  const differs = (...names: (keyof Form)[]) => names.some((name) => before[name] !== after[name]);
  const said: ChangedWorkspace = {};
  if (differs("name")) said.name = after.name.trim();
  if (differs("description")) said.description = after.description.trim() || null;
  const defaults: NonNullable<ChangedWorkspace["defaults"]> = {};
  if (differs("config")) defaults.config_id = after.config || null;
  if (differs("override")) defaults.allow_config_override = after.override;
  if (differs("metadata")) defaults.metadata = pairs(after.metadata) ?? {};
  if (Object.keys(defaults).length) said.defaults = defaults;
  if (differs("capture")) said.capture = after.capture as NonNullable<ChangedWorkspace["capture"]>;
  if (differs("patterns", "fields")) {
    const redact = { patterns: lines(after.patterns), fields: lines(after.fields) };
    said.redact = redact.patterns.length || redact.fields.length ? redact : null;
  }
  const capped = after.cache === "capped";
  if (differs("cache") || (capped && differs("age"))) said.cache = capped ? { max_age: Math.round(Number(after.age)), off: false } : after.cache === "off" ? false : null;
  return said;
}
