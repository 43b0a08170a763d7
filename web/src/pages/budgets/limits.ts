/** Budgets and rates as people read and write them. Amounts are US dollars of a cost, else tokens or requests. */
import { compact, count, money } from "../../lib/format";
import type { RateLimits, ShownUsageLimits, UsageLimits } from "../../lib/schema";

export type Measure = UsageLimits["type"];

export const MEASURES: { value: Measure; label: string }[] = [
  { value: "cost", label: "US dollars" },
  { value: "tokens", label: "Tokens" },
  { value: "requests", label: "Requests" },
];
export const PERIODS = [
  { value: "", label: "Never" },
  { value: "daily", label: "Each day" },
  { value: "weekly", label: "Each week" },
  { value: "monthly", label: "Each month" },
  { value: "days", label: "Every so many days" },
];
export const RATE_TYPES = [
  { value: "requests", label: "Requests" },
  { value: "tokens", label: "Tokens" },
  { value: "concurrent", label: "At once" },
];
export const UNITS = [
  { value: "rps", label: "a second" },
  { value: "rpm", label: "a minute" },
  { value: "rph", label: "an hour" },
  { value: "rpd", label: "a day" },
  { value: "rpw", label: "a week" },
];

/** So much of a budget: "$12.50", "40K tokens". */
export function amount(measure: Measure, value: number | null | undefined, unit = true): string {
  if (value == null) return "–";
  if (measure === "cost") return money(value * 100);
  return unit ? `${compact(value)} ${measure}` : compact(value);
}

/** How often a budget begins anew. */
export function period(limit: { periodic_reset: string | null; periodic_reset_days: number | null }): string {
  if (limit.periodic_reset_days) return limit.periodic_reset_days === 1 ? "each day" : `every ${limit.periodic_reset_days} days`;
  return { daily: "each day", weekly: "each week", monthly: "each month" }[limit.periodic_reset ?? ""] ?? "in all";
}

const minute = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** When a budget begins anew, in the reader's zone: nobody needs the seconds. */
export function at(when: string): string {
  return minute.format(new Date(when));
}

/** A rate: "600 requests a minute". */
export function rate(limit: RateLimits): string {
  if (limit.type === "concurrent") return `${count(limit.value)} at once`;
  return `${count(limit.value)} ${limit.type} ${UNITS.find((each) => each.value === limit.unit)?.label ?? limit.unit}`;
}

/** A budget in a form: texts, as they are typed. */
export interface BudgetDraft {
  type: Measure;
  limit: string;
  period: string;
  days: string;
  alert: string;
  soft: boolean;
  downgradeTo: string;
  downgradeAt: string;
  zone: string;
  /** Where days are counted from; it is sent back as it was. */
  anew: string | null;
}
export interface RateDraft {
  type: string;
  unit: string;
  value: string;
}

export function newBudget(): BudgetDraft {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  return { type: "cost", limit: "", period: "monthly", days: "30", alert: "", soft: false, downgradeTo: "", downgradeAt: "", zone, anew: null };
}

export function budgetDraft(limit: ShownUsageLimits): BudgetDraft {
  const text = (value: number | null) => (value === null ? "" : String(value));
  return {
    type: limit.type,
    limit: text(limit.credit_limit),
    period: limit.periodic_reset_days ? "days" : (limit.periodic_reset ?? ""),
    days: String(limit.periodic_reset_days ?? 30),
    alert: text(limit.alert_threshold),
    soft: limit.soft,
    downgradeTo: limit.downgrade_to ?? "",
    downgradeAt: text(limit.downgrade_at),
    zone: limit.time_zone,
    anew: limit.periodic_reset_days ? limit.next_usage_reset_at : null,
  };
}

/** A budget as the API takes it; null where no amount is said: there is none. `leads`: to a cheaper model, which those have that ask. */
export function budgetSaid(draft: BudgetDraft, leads = true): UsageLimits | null {
  if (!draft.limit.trim()) return null;
  const number = (text: string) => (text.trim() ? Number(text) : null);
  const said: Partial<UsageLimits> = {
    type: draft.type,
    credit_limit: Number(draft.limit),
    alert_threshold: number(draft.alert),
    periodic_reset: draft.period === "days" ? null : ((draft.period || null) as UsageLimits["periodic_reset"]),
    periodic_reset_days: draft.period === "days" ? Number(draft.days) : null,
    time_zone: draft.zone || null,
    soft: draft.soft,
  };
  if (draft.period === "days" && draft.anew) said.next_usage_reset_at = draft.anew;
  if (leads && draft.downgradeTo.trim()) {
    said.downgrade_to = draft.downgradeTo.trim();
    said.downgrade_at = number(draft.downgradeAt);
  }
  return said as UsageLimits;
}

export function rateDraft(limit: RateLimits): RateDraft {
  return { type: limit.type, unit: limit.unit, value: String(limit.value) };
}

export function ratesSaid(drafts: RateDraft[]): RateLimits[] {
  return drafts.filter((each) => each.value.trim()).map((each) => ({ ...each, value: Number(each.value) }) as RateLimits);
}

/** How much of a budget is used, in percent of it; null where that cannot be told. */
export function share(limit: { credit_limit: number; current_usage?: number | null }): number | null {
  if (limit.current_usage == null) return null;
  if (limit.credit_limit <= 0) return 100;
  return (limit.current_usage / limit.credit_limit) * 100;
}
