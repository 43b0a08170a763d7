import { describe, expect, it } from "vitest";
import type { ShownUsageLimits } from "../../lib/schema";
import { amount, budgetDraft, budgetSaid, newBudget, period, rate, ratesSaid, share } from "./limits";

const MONTHLY: ShownUsageLimits = {
  type: "cost",
  credit_limit: 50,
  alert_threshold: 40,
  periodic_reset: "monthly",
  periodic_reset_days: null,
  next_usage_reset_at: "2030-02-01T00:00:00.000Z",
  time_zone: "Europe/Berlin",
  soft: false,
  downgrade_at: 45,
  downgrade_to: "@openai/gpt-4o-mini",
};

describe("a budget", () => {
  it("says the same after a form that nobody has changed", () => {
    expect(budgetSaid(budgetDraft(MONTHLY))).toEqual({
      type: "cost",
      credit_limit: 50,
      alert_threshold: 40,
      periodic_reset: "monthly",
      periodic_reset_days: null,
      time_zone: "Europe/Berlin",
      soft: false,
      downgrade_to: "@openai/gpt-4o-mini",
      downgrade_at: 45,
    });
  });

  it("of so many days keeps when it begins anew", () => {
    const said = budgetSaid(budgetDraft({ ...MONTHLY, periodic_reset: null, periodic_reset_days: 10 }));
    expect(said).toMatchObject({ periodic_reset: null, periodic_reset_days: 10, next_usage_reset_at: "2030-02-01T00:00:00.000Z" });
  });

  it("is none where no amount is said", () => {
    expect(budgetSaid(newBudget())).toBeNull();
  });

  it("of a provider leads to no other model", () => {
    expect(budgetSaid(budgetDraft(MONTHLY), false)).not.toHaveProperty("downgrade_to");
  });

  it("is read as people say it", () => {
    expect(amount("cost", 12.5)).toBe("$12.50");
    expect(amount("tokens", 40_000)).toBe("40K tokens");
    expect(amount("cost", null)).toBe("–");
    expect(period(MONTHLY)).toBe("each month");
    expect(period({ periodic_reset: null, periodic_reset_days: 7 })).toBe("every 7 days");
    expect(period({ periodic_reset: null, periodic_reset_days: null })).toBe("in all");
  });

  it("is used by a share, or nobody knows", () => {
    expect(share({ credit_limit: 50, current_usage: 10 })).toBe(20);
    expect(share({ credit_limit: 50, current_usage: null })).toBeNull();
    expect(share({ credit_limit: 0, current_usage: 0 })).toBe(100);
  });
});

describe("rates", () => {
  it("are read as people say them", () => {
    expect(rate({ type: "requests", unit: "rpm", value: 600 })).toBe("600 requests a minute");
    expect(rate({ type: "concurrent", unit: "rpm", value: 20 })).toBe("20 at once");
  });

  it("without a number are none", () => {
    expect(ratesSaid([{ type: "requests", unit: "rpm", value: "" }, { type: "tokens", unit: "rpd", value: "5" }])).toEqual([
      { type: "tokens", unit: "rpd", value: 5 },
    ]);
  });
});
