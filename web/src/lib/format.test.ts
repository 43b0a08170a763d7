import { describe, expect, it } from "vitest";
import { bytes, change, compact, duration, moment, money, percent } from "./format";

describe("money", () => {
  it("rounds nothing to nothing", () => {
    expect(money(0)).toBe("$0.00");
    expect(money(0.412)).toBe("$0.00412");
    expect(money(0.00000123)).toBe("$0.000000012");
    expect(money(123456)).toBe("$1,234.56");
    expect([money(null), money(NaN), money(Infinity), duration(NaN)]).toEqual(["–", "–", "–", "–"]);
  });
});

describe("duration", () => {
  it("says it as people do", () => {
    expect([0, 0.25, 4.2, 840, 1240, 12_345, 125_000, 11_400_000, 187_200_000].map(duration)).toEqual([
      "0 ms",
      "0.25 ms",
      "4.2 ms",
      "840 ms",
      "1.24 s",
      "12.3 s",
      "2 min 5 s",
      "3 h 10 min",
      "2 d 4 h",
    ]);
  });
  it("passes from one unit to the next without a jump", () => {
    expect([9.97, 999.6, 59_960].map(duration)).toEqual(["10 ms", "1.00 s", "1 min"]);
  });
});

describe("the others", () => {
  it("are short", () => {
    expect([compact(9999), compact(12_345), compact(3_400_000)]).toEqual(["9,999", "12.3K", "3.4M"]);
    expect([percent(0), percent(0.004), percent(0.25), percent(12.54)]).toEqual(["0%", "<0.01%", "0.25%", "12.5%"]);
    expect([bytes(12), bytes(4700), bytes(3_200_000), bytes(41_175_600_000)]).toEqual(["12 B", "4.7 kB", "3.2 MB", "41.2 GB"]);
  });
  it("compare with what was before", () => {
    expect([change(112, 100), change(50, 100), change(100, 100), change(5, 0), change(5000, 1)]).toEqual([
      "+12%",
      "–50%",
      "±0%",
      "",
      "×5K",
    ]);
  });
  it("tell the day only where it is another", () => {
    const now = new Date(2026, 10, 26, 12, 0, 0);
    expect(moment(new Date(2026, 10, 26, 9, 5, 7), now)).toBe("09:05:07");
    expect(moment(new Date(2026, 10, 25, 9, 5, 7), now)).toContain("25");
    expect(moment("nonsense", now)).toBe("–");
  });
});
