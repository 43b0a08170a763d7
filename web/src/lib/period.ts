/** Spans of time, as they stand in a view's query: `period=24h`, or `from` and `to` (RFC 3339). */
const MINUTE = 60_000;

export const PRESETS: { id: string; label: string; ms: number }[] = [
  { id: "1h", label: "Last hour", ms: 60 * MINUTE },
  { id: "6h", label: "Last 6 hours", ms: 360 * MINUTE },
  { id: "24h", label: "Last 24 hours", ms: 1440 * MINUTE },
  { id: "7d", label: "Last 7 days", ms: 7 * 1440 * MINUTE },
  { id: "30d", label: "Last 30 days", ms: 30 * 1440 * MINUTE },
  { id: "90d", label: "Last 90 days", ms: 90 * 1440 * MINUTE },
];

export interface Span {
  /** A preset's id; "" for two dates, or for any time. */
  preset: string;
  since: number | null;
  until: number | null;
}

/** The span that a query says. `otherwise` is the preset where it says none; "": any time. */
export function spanOf(query: URLSearchParams, otherwise: string, now: number): Span {
  const [from, to] = [Date.parse(query.get("from") ?? ""), Date.parse(query.get("to") ?? "")];
  if (!Number.isNaN(from) || !Number.isNaN(to)) {
    return { preset: "", since: Number.isNaN(from) ? null : from, until: Number.isNaN(to) ? null : to };
  }
  const id = query.get("period") ?? otherwise;
  const preset = PRESETS.find((each) => each.id === id) ?? PRESETS.find((each) => each.id === otherwise);
  return preset ? { preset: preset.id, since: now - preset.ms, until: now } : { preset: "", since: null, until: null };
}

/** A span with both ends, as sums need them: of any time, the last 30 days; without an end, until now. */
export function bounded(span: Span, now: number): { since: number; until: number } {
  const until = span.until ?? now;
  return { since: span.since ?? until - 30 * 1440 * MINUTE, until };
}

/** A time as the API takes it. */
export function stamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** A time as an input of the kind "datetime-local" has it: in the reader's zone. */
export function local(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
