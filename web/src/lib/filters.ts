/** What requests can be filtered by. A filter stands in a view's query under the name that the admin API has for it. */
import { duration, money } from "./format";
import type { Span } from "./period";
import { stamp } from "./period";

interface Common {
  id: string;
  label: string;
}
/** One of several values, which the log can list with their counts (`/v1/analytics/groups/{group}`). */
export interface ListFilter extends Common {
  kind: "list";
  group: string;
  member: string;
  /** Values that stand for several. */
  fixed?: { value: string; label: string }[];
}
/** From so much to so much. */
export interface RangeFilter extends Common {
  kind: "range";
  unit: string;
  /** What one of the unit is in the API's own. */
  scale: number;
  show: (value: number) => string;
}
/** A text, taken as it is. */
export interface TextFilter extends Common {
  kind: "text" | "pair";
  hint: string;
}
export type FilterKind = ListFilter | RangeFilter | TextFilter;

const list = (id: string, label: string, group: string, member: string, fixed?: ListFilter["fixed"]): ListFilter => ({
  kind: "list",
  id,
  label,
  group,
  member,
  ...(fixed ? { fixed } : {}),
});

const CLASSES = ["2xx", "4xx", "5xx"].map((value) => ({ value, label: value }));

export const FILTERS: FilterKind[] = [
  list("outcome", "Outcome", "outcome", "outcome"),
  list("status_code", "Status", "status_code", "status_code", CLASSES),
  list("model", "Model", "ai-models", "ai_model"),
  list("provider", "Provider", "provider", "provider"),
  list("api_key_ids", "Key", "api_key", "api_key"),
  list("user", "Person", "person", "person"),
  list("configs", "Config", "config", "config"),
  list("operation", "Operation", "operation", "operation"),
  list("error_code", "Error", "error", "error"),
  list("cache_status", "Cache", "cache", "cache"),
  { kind: "pair", id: "metadata", label: "Metadata", hint: "team=blue, or team=b*" },
  { kind: "text", id: "trace_id", label: "Trace", hint: "a trace's id" },
  { kind: "range", id: "cost", label: "Cost", unit: "USD", scale: 100, show: money },
  { kind: "range", id: "latency", label: "Latency", unit: "ms", scale: 1, show: duration },
  { kind: "range", id: "time_to_first_token", label: "First token", unit: "ms", scale: 1, show: duration },
  { kind: "range", id: "total_units", label: "Tokens", unit: "tokens", scale: 1, show: (value) => value.toLocaleString() },
];

/** A filter that is set, as a chip shows it. */
export interface Set_ {
  filter: FilterKind;
  text: string;
  /** What takes it away again. */
  cleared: Record<string, null>;
}

/** The names in a query that are filters. */
export const NAMES: string[] = [...FILTERS.flatMap((each) => (each.kind === "range" ? [`${each.id}_min`, `${each.id}_max`] : [each.id])), "text"];

/** What is filtered by. `name` tells what a value is called, where that is another than the value. */
export function setFilters(query: URLSearchParams, name: (filter: string, value: string) => string): Set_[] {
  const found: Set_[] = [];
  for (const filter of FILTERS) {
    if (filter.kind === "range") {
      const [low, high] = [query.get(`${filter.id}_min`), query.get(`${filter.id}_max`)];
      if (low === null && high === null) continue;
      const show = (text: string) => (Number.isFinite(Number(text)) ? filter.show(Number(text)) : text);
      const parts = [low === null ? "" : `≥ ${show(low)}`, high === null ? "" : `≤ ${show(high)}`];
      found.push({ filter, text: parts.filter(Boolean).join(" and "), cleared: { [`${filter.id}_min`]: null, [`${filter.id}_max`]: null } });
      continue;
    }
    const value = query.get(filter.id);
    if (value === null) continue;
    const text = filter.kind === "pair" ? pairs(value) : filter.kind === "list" ? values(value).map((each) => name(filter.id, each)).join(", ") : value;
    found.push({ filter, text, cleared: { [filter.id]: null } });
  }
  return found;
}

/** The values of a list in a query. */
export function values(text: string | null): string[] {
  return text ? text.split(",").filter(Boolean) : [];
}

/** "team=blue" as the API has it, beside what was there. */
export function paired(before: string | null, text: string): string | null {
  const [name, ...rest] = text.split("=");
  if (!name?.trim() || rest.length === 0) return null;
  return JSON.stringify({ ...read(before), [name.trim()]: rest.join("=").trim() });
}

function pairs(text: string): string {
  return Object.entries(read(text))
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(", ");
}

function read(text: string | null): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text ?? "{}");
    return said && typeof said === "object" && !Array.isArray(said) ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What to ask the API for, of a view's query and its span. */
export function asked(query: URLSearchParams, span: Pick<Span, "since" | "until">, without = ""): Record<string, string> {
  const said: Record<string, string> = {};
  for (const name of NAMES) {
    const value = query.get(name);
    if (value && name !== without) said[name] = value;
  }
  if (span.since !== null) said.time_of_generation_min = stamp(span.since);
  if (span.until !== null) said.time_of_generation_max = stamp(span.until);
  return said;
}
