import { expect, test } from "vitest";
import type { LogRow, ShownSpan } from "../../lib/schema";
import { kindOf, steps, ticks } from "./tree";

const span = (id: string, cost: number | null, children: ShownSpan[] = [], outcome = "ok"): ShownSpan => ({
  log: { id, cost, outcome, source: "gateway", ai_model: "m", cache_status: null } as LogRow,
  started_after: 0,
  children,
});
const TREE = [span("a", 1, [span("b", null, [span("c", 2, [], "failed")]), span("d", 4)]), span("e", null)];

test("a tree is read from above, each step deeper than the one that began it", () => {
  const rows = steps(TREE, new Set());
  expect(rows.map((row) => `${row.log.id}${row.depth}`)).toEqual(["a0", "b1", "c2", "d1", "e0"]);
  expect(rows.map((row) => row.below)).toEqual([3, 1, 0, 0, 0]);
});

test("what is folded is not seen, and counts", () => {
  const rows = steps(TREE, new Set(["a"]));
  expect(rows.map((row) => row.log.id)).toEqual(["a", "e"]);
  expect([rows[0]?.total, rows[0]?.failed, rows[1]?.total]).toEqual([7, 1, null]);
});

test("a line is marked at round times", () => {
  expect(ticks(1234)).toEqual([0, 500, 1000]);
  expect(ticks(9000)).toEqual([0, 2500, 5000, 7500]);
  expect(ticks(4)).toEqual([0, 1, 2, 3]);
  expect(ticks(0)).toEqual([0]);
});

test("a bar tells how it ended", () => {
  const log = span("a", 1).log;
  expect(kindOf(log)).toBe("ok");
  expect(kindOf({ ...log, outcome: "refused" })).toBe("refused");
  expect(kindOf({ ...log, outcome: "broken" })).toBe("failed");
  expect(kindOf({ ...log, cache_status: "semantic hit" })).toBe("cached");
  expect(kindOf({ ...log, source: "posted", ai_model: null })).toBe("step");
});
