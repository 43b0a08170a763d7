/** Those who have budgets and rates of their own: they are read from, and changed by, five corners of the admin API. */
import { api, type Problem, type Result } from "../../lib/api";
import type { RateLimits, ShownUsageLimits, UsageLimits } from "../../lib/schema";
import { session } from "../../lib/session.svelte";
import { share } from "./limits";

export type Kind = "organisation" | "workspace" | "person" | "key" | "provider";

export interface Holder {
  kind: Kind;
  id: string;
  name: string;
  /** The id of its workspace, if it is of one. */
  place: string | null;
  usages: ShownUsageLimits[];
  rates: RateLimits[];
  declaredIn: string | null;
  /** Where all of it is seen. */
  href: string | null;
}

export interface Limits {
  usage_limits?: UsageLimits[];
  rate_limits?: RateLimits[];
  reset_usage?: boolean;
}

export const KINDS: { id: Kind; title: string; one: string; several: boolean; hint: string }[] = [
  { id: "organisation", title: "Organisation", one: "organisation", several: true, hint: "Holds for everything that is asked here." },
  { id: "workspace", title: "Workspaces", one: "workspace", several: true, hint: "Holds for all keys and people of a workspace together." },
  { id: "person", title: "People", one: "person", several: true, hint: "Holds for all keys of a person together, in all workspaces." },
  { id: "key", title: "Keys", one: "key", several: false, hint: "Holds for one key." },
  { id: "provider", title: "Providers", one: "provider", several: false, hint: "Holds for what a provider is asked, by whomever." },
];

/** Where the caller reads what of: who acts for a workspace alone sees neither people nor the organisation. */
export function kinds(): Kind[] {
  return KINDS.map((kind) => kind.id).filter((kind) => (kind !== "organisation" && kind !== "person") || (session.isWhole && !session.workspace));
}

/** Whether the caller may change limits of this. */
export function may(holder: Holder): boolean {
  if (holder.declaredIn) return false;
  if (session.isWhole) return true;
  if (holder.kind !== "key" && holder.kind !== "provider") return false;
  return ["admin", "manager"].includes(session.seats[holder.place ?? ""] ?? "");
}

/** Why they may not; "" where they may. */
export function whyNot(holder: Holder): string {
  if (may(holder)) return "";
  if (holder.declaredIn) return `Declared in ${holder.declaredIn}, and changed there.`;
  if (holder.kind === "key" || holder.kind === "provider") return "Set by those who manage the workspace.";
  return "Set by owners and admins of the organisation.";
}

export async function readAll(kind: Kind, signal: AbortSignal): Promise<Result<Holder[]>> {
  switch (kind) {
    case "organisation":
      return mapped(await api.get("/v1/admin/organisation", { signal }), (row) => [
        { kind, id: row.id, name: row.name, place: null, usages: row.usage_limits, rates: row.rate_limits, declaredIn: null, href: null },
      ]);
    case "workspace":
      return paged(
        (page) => api.get("/v1/admin/workspaces", { query: page, signal }),
        (row) => ({ kind, id: row.id, name: row.name, place: row.id, usages: row.usage_limits, rates: row.rate_limits, declaredIn: null, href: null }),
        (row) => !session.workspace || row.id === session.workspace,
      );
    case "person":
      return paged(
        (page) => api.get("/v1/admin/users", { query: page, signal }),
        (row) => ({ kind, id: row.id, name: row.email, place: null, usages: row.usage_limits, rates: row.rate_limits, declaredIn: null, href: null }),
      );
    case "key":
      return paged(
        (page) => api.get("/v1/api-keys", { query: page, signal }),
        (row) => ({
          kind,
          id: row.id,
          name: row.name,
          place: row.workspace_id,
          usages: row.usage_limits ? [row.usage_limits] : [],
          rates: row.rate_limits,
          declaredIn: row.declared_in,
          href: `/keys/${encodeURIComponent(row.id)}`,
        }),
      );
    case "provider":
      return paged(
        (page) => api.get("/v1/providers", { query: page, signal }),
        (row) => ({
          kind,
          id: row.slug,
          name: `@${row.slug}`,
          place: row.workspace_id,
          usages: row.usage_limits ? [row.usage_limits] : [],
          rates: row.rate_limits ?? [],
          declaredIn: row.declared_in,
          href: null,
        }),
      );
  }
}

/** Change limits, or begin budgets anew; what is not said stays. */
export async function change(holder: Holder, limits: Limits): Promise<Problem | null> {
  const { usage_limits: usages, ...rest } = limits;
  const one = usages === undefined ? {} : { usage_limits: usages[0] ?? null };
  const result = await (() => {
    switch (holder.kind) {
      case "organisation":
        return api.put("/v1/admin/organisation", { body: limits });
      case "workspace":
        return api.put("/v1/admin/workspaces/{workspace_id}", { path: { workspace_id: holder.id }, body: limits });
      case "person":
        return api.put("/v1/admin/users/{user_id}", { path: { user_id: holder.id }, body: limits });
      case "key":
        return api.put("/v1/api-keys/{id}", { path: { id: holder.id }, body: { ...rest, ...one } });
      case "provider":
        return api.put("/v1/providers/{slug}", { path: { slug: holder.id }, query: { workspace_id: holder.place ?? undefined }, body: { ...rest, ...one } });
    }
  })();
  return result.ok ? null : result.problem;
}

/** How near to its end what is nearest is, in percent; -1 for what has no budget. */
export function nearest(holder: Holder): number {
  return Math.max(-1, ...holder.usages.map((limit) => share(limit) ?? 0));
}

export function isLimited(holder: Holder): boolean {
  return holder.usages.length > 0 || holder.rates.length > 0;
}

function mapped<A, B>(result: Result<A>, into: (value: A) => B): Result<B> {
  return result.ok ? { ...result, value: into(result.value) } : result;
}

async function paged<Row>(
  ask: (page: { page_size: number; current_page: number }) => Promise<Result<{ total: number; data: Row[] }>>,
  into: (row: Row) => Holder,
  meant: (row: Row) => boolean = () => true,
): Promise<Result<Holder[]>> {
  const rows: Row[] = [];
  for (let page = 0; ; page++) {
    const found = await ask({ page_size: 1000, current_page: page });
    if (!found.ok) return found;
    rows.push(...found.value.data);
    if (!found.value.data.length || rows.length >= found.value.total) return { ...found, value: rows.filter(meant).map(into) };
  }
}
