/** A key in a form, to and from what the API takes; and what a key may be let do. */
import { stamp, local } from "../../lib/period";
import type { ChangedApiKey, NewApiKey, ShownApiKey } from "../../lib/schema";
import { budgetDraft, budgetSaid, newBudget, rateDraft, ratesSaid, type BudgetDraft, type RateDraft } from "../budgets/limits";

export interface KeyDraft {
  name: string;
  description: string;
  budget: BudgetDraft;
  rates: RateDraft[];
  models: string;
  scopes: string[];
  capture: "full" | "metadata" | "off";
  /** "": never; so many days from now; "at": at a time. */
  expiry: string;
  expiresAt: string;
}

const crud = (...nouns: string[]) => nouns.flatMap((noun) => ["create", "read", "update", "delete", "list"].map((verb) => `${noun}.${verb}`));

/** What a key may be let do, and the scopes that are meant by it. `who`: those who can give it. */
export const RIGHTS: { id: string; label: string; hint: string; scopes: string[]; who: "all" | "managers" | "organisation" }[] = [
  { id: "ask", label: "Ask models", hint: "Chat, embeddings, images, sound, and the list of models", scopes: ["completions.write", "models.list"], who: "all" },
  { id: "look", label: "Read logs and analytics", hint: "Requests with their bodies, costs", scopes: ["logs.view", "logs.list", "analytics.view"], who: "all" },
  { id: "pass", label: "Pass through", hint: "Everything that an account can do at its provider, unread", scopes: ["proxy.write"], who: "managers" },
  { id: "write", label: "Write logs", hint: "Spans by OTLP, records, feedback", scopes: ["logs.write"], who: "managers" },
  { id: "keys", label: "Manage keys", hint: "Make, change, rotate and revoke keys of the workspace", scopes: [...crud("workspace_service_api_keys"), "workspace_service_api_keys.rotate"], who: "managers" },
  { id: "set", label: "Manage configs and providers", hint: "Routes, providers and their accounts", scopes: crud("configs", "providers", "workspace_integrations"), who: "managers" },
  { id: "limits", label: "Manage policies", hint: "Budgets and rates over many", scopes: crud("policies"), who: "managers" },
  { id: "admin", label: "Everything", hint: "Administers the whole organisation", scopes: ["admin"], who: "organisation" },
];

export const CAPTURES = [
  { value: "full", label: "All of it: bodies and what is known of them" },
  { value: "metadata", label: "What is known of requests, without bodies" },
  { value: "off", label: "Nothing" },
];
export const EXPIRIES = [
  { value: "", label: "Never" },
  { value: "7", label: "In 7 days" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: "at", label: "At a time …" },
];

export function newKey(): KeyDraft {
  return { name: "", description: "", budget: newBudget(), rates: [], models: "", scopes: ["completions.write", "models.list"], capture: "full", expiry: "", expiresAt: "" };
}

export function keyDraft(key: ShownApiKey): KeyDraft {
  return {
    name: key.name,
    description: key.description ?? "",
    budget: key.usage_limits ? budgetDraft(key.usage_limits) : newBudget(),
    rates: key.rate_limits.map(rateDraft),
    models: key.models.join("\n"),
    scopes: [...key.scopes],
    capture: key.capture,
    expiry: key.expires_at ? "at" : "",
    expiresAt: key.expires_at ? local(Date.parse(key.expires_at)) : "",
  };
}

/** What is to be made. `keeps`: they may say what is kept. */
export function made(draft: KeyDraft, keeps: boolean, now: number): Partial<NewApiKey> {
  const said: Partial<NewApiKey> = {
    name: draft.name.trim(),
    description: draft.description,
    scopes: draft.scopes,
    models: models(draft),
    usage_limits: budgetSaid(draft.budget),
    rate_limits: ratesSaid(draft.rates),
    expires_at: expiry(draft, now),
  };
  if (keeps && draft.capture !== "full") said.capture = draft.capture;
  return said;
}

/** What is changed, and nothing else: what is not said stays. */
export function changed(draft: KeyDraft, key: ShownApiKey, keeps: boolean, now: number): Partial<ChangedApiKey> {
  const before = made(keyDraft(key), true, now);
  const after: Record<string, unknown> = { ...made(draft, true, now), capture: draft.capture };
  const old: Record<string, unknown> = { ...before, capture: key.capture };
  const names = Object.keys(after).filter((name) => JSON.stringify(after[name]) !== JSON.stringify(old[name]));
  const allowed = keeps ? names : names.filter((name) => name === "name" || name === "description");
  return Object.fromEntries(allowed.map((name) => [name, after[name]])) as Partial<ChangedApiKey>;
}

/** Whether scopes have a right whole. One asks models without listing them, too. */
export function holds(right: { id: string; scopes: readonly string[] }, scopes: readonly string[]): boolean {
  return right.id === "ask" ? scopes.includes("completions.write") : right.scopes.every((scope) => scopes.includes(scope));
}

/** What somebody reads of a key's scopes: the rights that it has whole, and the scopes that are left. */
export function rightsOf(scopes: readonly string[]): { rights: string[]; others: string[] } {
  const whole = RIGHTS.filter((right) => holds(right, scopes));
  const covered = new Set(whole.flatMap((right) => right.scopes));
  return { rights: whole.map((right) => right.label), others: scopes.filter((scope) => !covered.has(scope)) };
}

function models(draft: KeyDraft): string[] {
  return draft.models.split(/[\s,]+/).filter(Boolean);
}

function expiry(draft: KeyDraft, now: number): string | null {
  if (!draft.expiry) return null;
  if (draft.expiry !== "at") return stamp(now + Number(draft.expiry) * 86_400_000);
  return draft.expiresAt ? stamp(Date.parse(draft.expiresAt)) : null;
}
