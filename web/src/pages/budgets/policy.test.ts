import { describe, expect, it } from "vitest";
import type { ShownRatePolicy, ShownUsagePolicy } from "../../lib/schema";
import { apart, policyDraft, rateSaid, said, usageSaid, when } from "./policy";

const COMMON = { id: "p1", name: "opus", status: "active", organisation_id: "o", workspace_id: null, created_at: null, last_updated_at: null, target: "llm", declared_in: null } as const;
const DAILY: ShownUsagePolicy = {
  ...COMMON,
  conditions: [{ key: "metadata.team", value: ["red", "blue"], excludes: true }],
  group_by: [{ key: "metadata._user" }, { key: "api_key" }],
  type: "cost",
  credit_limit: 2,
  alert_threshold: null,
  periodic_reset: "daily",
  periodic_reset_days: null,
  next_usage_reset_at: null,
  time_zone: "UTC",
  soft: false,
  object: "policy_usage_limits",
};
const DENIED: ShownRatePolicy = {
  ...COMMON,
  conditions: [{ key: "model", value: "*preview*", excludes: false }],
  group_by: [],
  type: null,
  unit: null,
  value: null,
  deny: true,
  object: "policy_rate_limits",
};

describe("a policy", () => {
  it("is read as a sentence", () => {
    expect([said(DAILY), when(DAILY), apart(DAILY)]).toEqual(["$2.00 each day", "team is not red or blue", "for each _user and key"]);
    expect([said(DENIED), when(DENIED), apart(DENIED)]).toEqual(["Refused", "model is *preview*", "for all together"]);
    expect(said({ ...DENIED, deny: false, type: "requests", unit: "rph", value: 20 })).toBe("20 requests an hour");
  });

  it("says the same after a form that nobody has changed", () => {
    expect(usageSaid(policyDraft(DAILY))).toMatchObject({
      name: "opus",
      conditions: DAILY.conditions,
      group_by: DAILY.group_by,
      type: "cost",
      credit_limit: 2,
      periodic_reset: "daily",
      time_zone: "UTC",
    });
    expect(rateSaid(policyDraft(DENIED))).toEqual({ name: "opus", conditions: [{ key: "model", value: ["*preview*"], excludes: false }], group_by: [], deny: true });
  });

  it("of a rate has a number, and is denied to nobody", () => {
    expect(rateSaid(policyDraft({ ...DENIED, deny: false, type: "requests", unit: "rph", value: 20 }))).toMatchObject({ type: "requests", unit: "rph", value: 20 });
  });
});
