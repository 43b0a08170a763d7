/** When keys were last used, roughly: the narrowest of these spans in which each has asked something, and what it did in the
 * widest. Sums of the log's roll-ups tell that of all keys at once, however many requests there are. */
import { api } from "../../lib/api";
import { stamp } from "../../lib/period";

const HOUR = 3_600_000;
export const SPANS = [
  { label: "in the last hour", ms: HOUR },
  { label: "in the last 24 hours", ms: 24 * HOUR },
  { label: "in the last 7 days", ms: 168 * HOUR },
  { label: "in the last 30 days", ms: 720 * HOUR },
] as const;

export interface Use {
  /** An index of `SPANS`. */
  span: number;
  /** In the widest span; US cents. */
  requests: number;
  cost: number;
}

/** By the keys' ids; null where that cannot be told. */
export async function uses(now: number, signal: AbortSignal): Promise<Map<string, Use> | null> {
  const asked = SPANS.map((span) =>
    api.get("/v1/analytics/groups/{by}", {
      path: { by: "api_key" },
      query: { time_of_generation_min: stamp(now - span.ms), time_of_generation_max: stamp(now), page_size: 1000 },
      signal,
    }),
  );
  const found = new Map<string, Use>();
  for (const [span, result] of (await Promise.all(asked)).entries()) {
    if (!result.ok) return null;
    for (const row of result.value.data) {
      const id = String(row.api_key ?? "");
      const before = found.get(id);
      found.set(id, { span: before?.span ?? span, requests: Number(row.requests), cost: Number(row.cost) });
    }
  }
  return found;
}
