/** A trace's tree as the rows of a list, and what each of them comes to with all that stands below it. */
import type { LogRow, ShownSpan } from "../../lib/schema";

export interface Step {
  log: LogRow;
  /** How deep it stands; 0: at the top. */
  depth: number;
  /** ms after the trace's beginning. */
  start: number;
  /** Steps below it, all the way down. */
  below: number;
  /** US cents of it and of all below it; null: of none of them a cost is known. */
  total: number | null;
  /** Errors below it. */
  failed: number;
}

/** What is seen of a tree in which some steps are folded, in the order in which one reads it. */
export function steps(spans: readonly ShownSpan[], folded: ReadonlySet<string>): Step[] {
  const seen: Step[] = [];
  const walk = (span: ShownSpan, depth: number, isSeen: boolean): Step => {
    const step: Step = { log: span.log, depth, start: span.started_after, below: 0, total: span.log.cost, failed: 0 };
    if (isSeen) seen.push(step);
    const isOpen = isSeen && !folded.has(span.log.id);
    for (const child of span.children) {
      const inner = walk(child, depth + 1, isOpen);
      step.below += 1 + inner.below;
      step.failed += inner.failed + (isError(child.log) ? 1 : 0);
      if (inner.total !== null) step.total = (step.total ?? 0) + inner.total;
    }
    return step;
  };
  for (const span of spans) walk(span, 0, true);
  return seen;
}

/** Whether it went wrong; a caller who went away is no error. */
export function isError(log: Pick<LogRow, "outcome">): boolean {
  return log.outcome !== "ok" && log.outcome !== "client_left";
}

export type Kind = "ok" | "failed" | "refused" | "cached" | "step";

export const KINDS: { id: Kind; label: string }[] = [
  { id: "ok", label: "Answered" },
  { id: "cached", label: "From the cache" },
  { id: "refused", label: "Refused" },
  { id: "failed", label: "Failed" },
  { id: "step", label: "Step of the caller's" },
];

/** What a bar is coloured by. */
export function kindOf(log: LogRow): Kind {
  if (log.outcome === "refused") return "refused";
  if (isError(log)) return "failed";
  if (log.cache_status?.includes("hit")) return "cached";
  return log.source !== "gateway" && !log.ai_model ? "step" : "ok";
}

/** What a step is called. */
export function nameOf(log: LogRow): string {
  return log.span_name ?? log.operation ?? log.path ?? "request";
}

/** Times to mark on a line of so many ms: round ones, four or five of them. */
export function ticks(ms: number): number[] {
  if (!(ms > 0)) return [0];
  const rough = ms / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let n = 0; n * step <= ms * 0.97; n++) found.push(n * step);
  return found;
}
