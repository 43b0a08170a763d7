/** How a change is told: who made it, what became of what. */
import type { AuditRecord } from "../../lib/schema";
import type { IconName } from "../../ui/Icon.svelte";

export const ACTIONS: Record<string, { label: string; tone: "good" | "warn" | "bad" | "accent" | "plain" }> = {
  create: { label: "made", tone: "good" },
  update: { label: "changed", tone: "accent" },
  rotate: { label: "rotated", tone: "warn" },
  delete: { label: "removed", tone: "bad" },
};

export const KINDS: Record<string, string> = {
  user: "in the dashboard",
  api_key: "by a key",
  cli: "on the machine",
  system: "by itself",
};

/** What can be changed, in the words of the audit log. */
export const THINGS: Record<string, { label: string; icon: IconName }> = {
  organisation: { label: "organisation", icon: "settings" },
  workspace: { label: "workspace", icon: "workspace" },
  user: { label: "person", icon: "users" },
  membership: { label: "place", icon: "users" },
  invite: { label: "invitation", icon: "users" },
  session: { label: "login", icon: "exit" },
  "api-key": { label: "key", icon: "keys" },
  policy: { label: "policy", icon: "budgets" },
  integration: { label: "integration", icon: "models" },
  "virtual-key": { label: "provider", icon: "models" },
  config: { label: "config", icon: "configs" },
  "config-version": { label: "version of a config", icon: "configs" },
  "secret-reference": { label: "secret reference", icon: "keys" },
  secret: { label: "secret", icon: "keys" },
  cache: { label: "cache", icon: "cache" },
  repricing: { label: "repricing", icon: "budgets" },
  "alert-channel": { label: "alert channel", icon: "warn" },
};

export const thing = (type: string): string => THINGS[type]?.label ?? type;

/** What people call what was changed, as far as the change says it; "" where it does not. */
export function called(record: AuditRecord): string {
  for (const name of ["name", "email", "slug"]) {
    const value = record.request_body[name];
    if (typeof value === "string" && value) return value;
  }
  return "";
}

/** An id where there is little room. */
export const short = (id: string): string => (id.length > 14 ? `${id.slice(0, 10)}…` : id);

export function who(record: AuditRecord): string {
  return record.user_name ?? record.user_id ?? KINDS[record.user_type] ?? record.user_type;
}

/** A value of a change, in a line or some. */
export function written(value: unknown): string {
  if (value === undefined) return "";
  if (value === null) return "nothing";
  if (typeof value === "string") return value || "empty";
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}
