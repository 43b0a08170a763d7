/** Policies: budgets and rates over many, as people read and write them. */
import type { Condition, NewRatePolicy, NewUsagePolicy, ShownRatePolicy, ShownUsagePolicy } from "../../lib/schema";
import { amount, budgetDraft, budgetSaid, newBudget, period, rate, type BudgetDraft } from "./limits";

export type Policy = ShownUsagePolicy | ShownRatePolicy;

export function isBudget(policy: Policy): policy is ShownUsagePolicy {
  return policy.object === "policy_usage_limits";
}

/** What a policy may ask for, and how that is called. */
export const KEYS: { value: string; label: string }[] = [
  { value: "api_key", label: "Key" },
  { value: "user", label: "Person" },
  { value: "workspace_id", label: "Workspace" },
  { value: "model", label: "Model" },
  { value: "provider", label: "Provider" },
  { value: "virtual_key", label: "Provider's slug" },
  { value: "config", label: "Config" },
  { value: "endpoint_type", label: "Kind of request" },
  { value: "organisation_id", label: "Organisation" },
  { value: "metadata", label: "Metadata" },
];

export function keyLabel(key: string): string {
  return key.startsWith("metadata.") ? key.slice("metadata.".length) : (KEYS.find((each) => each.value === key)?.label ?? key).toLowerCase();
}

/** What it says: "$2.00 each day", "20 requests an hour", "Refused". */
export function said(policy: Policy): string {
  if (isBudget(policy)) return `${amount(policy.type, policy.credit_limit)} ${period(policy)}`;
  if (policy.deny) return "Refused";
  return rate({ type: policy.type ?? "requests", unit: policy.unit ?? "rpm", value: policy.value ?? 0 });
}

/** Of which requests it holds: "model is *opus*, key is not app". */
export function when(policy: Policy): string {
  return policy.conditions.map(term).join(", ") || "all requests";
}

function term(condition: Condition): string {
  const values = ([] as string[]).concat(condition.value);
  return `${keyLabel(condition.key)} is ${condition.excludes ? "not " : ""}${values.join(" or ")}`;
}

/** What is counted apart: "for each key and team". */
export function apart(policy: Policy): string {
  const keys = policy.group_by.map((each) => keyLabel(each.key));
  return keys.length ? `for each ${keys.join(" and ")}` : "for all together";
}

export interface TermDraft {
  /** One of `KEYS`; of metadata, its name in `name`. */
  key: string;
  name: string;
  values: string;
  excludes: boolean;
}
export interface PolicyDraft {
  kind: "usage" | "rate" | "deny";
  name: string;
  terms: TermDraft[];
  /** Keys, one a line as the API has them, of what is counted apart. */
  apart: TermDraft[];
  budget: BudgetDraft;
  rate: { type: string; unit: string; value: string };
}

export const newTerm = (key = "model"): TermDraft => ({ key, name: "", values: "", excludes: false });

export function newPolicy(): PolicyDraft {
  return { kind: "usage", name: "", terms: [], apart: [newTerm("api_key")], budget: newBudget(), rate: { type: "requests", unit: "rpm", value: "" } };
}

export function policyDraft(policy: Policy): PolicyDraft {
  const draft: PolicyDraft = {
    ...newPolicy(),
    kind: isBudget(policy) ? "usage" : policy.deny ? "deny" : "rate",
    name: policy.name ?? "",
    terms: policy.conditions.map((each) => ({ ...keyDraft(each.key), values: ([] as string[]).concat(each.value).join("\n"), excludes: each.excludes })),
    apart: policy.group_by.map((each) => keyDraft(each.key)),
  };
  if (isBudget(policy)) draft.budget = budgetDraft({ ...policy, status: "active", downgrade_at: null, downgrade_to: null });
  else if (!policy.deny) draft.rate = { type: policy.type ?? "requests", unit: policy.unit ?? "rpm", value: String(policy.value ?? "") };
  return draft;
}

/** What both kinds have in common, as the API takes it. */
function common(draft: PolicyDraft) {
  const key = (each: TermDraft) => (each.key === "metadata" ? `metadata.${each.name.trim()}` : each.key);
  return {
    name: draft.name.trim(),
    conditions: draft.terms
      .map((each) => ({ key: key(each), value: lines(each.values), excludes: each.excludes }))
      .filter((each) => each.value.length),
    group_by: draft.kind === "deny" ? [] : draft.apart.map((each) => ({ key: key(each) })),
  };
}

export function usageSaid(draft: PolicyDraft): Partial<NewUsagePolicy> {
  const { time_zone, ...limit } = budgetSaid(draft.budget, false) ?? { time_zone: null, type: draft.budget.type, credit_limit: 0 };
  return { ...common(draft), ...limit, time_zone: time_zone ?? "" } as Partial<NewUsagePolicy>;
}

export function rateSaid(draft: PolicyDraft): Partial<NewRatePolicy> {
  if (draft.kind === "deny") return { ...common(draft), deny: true };
  const { type, unit, value } = draft.rate;
  return { ...common(draft), type, unit, value: Number(value) } as Partial<NewRatePolicy>;
}

function keyDraft(key: string): TermDraft {
  return key.startsWith("metadata.") ? { ...newTerm("metadata"), name: key.slice("metadata.".length) } : newTerm(key);
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
