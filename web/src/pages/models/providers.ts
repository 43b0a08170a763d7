/** The rows of the page: each provider with how it has done in the last hour, and how it is now. */
import type { Circuit, Parked, ShownProvider, State } from "../../lib/schema";

export interface Hour {
  requests: number;
  errorRate: number;
  latency: number;
}

export interface ProviderRow {
  id: string;
  slug: string;
  /** Null: it is there without being set up. */
  provider: ShownProvider | null;
  kind: string;
  hour: Hour | null;
  circuits: Circuit[];
  parked: Parked[];
  health: Health;
}

export interface Health {
  tone: "good" | "warn" | "bad" | "plain";
  label: string;
  why: string;
}

/** Percent of requests from which on a provider is not well. */
const MANY_ERRORS = 5;

export function hours(groups: readonly Record<string, unknown>[], member: string): Map<string, Hour> {
  return new Map(
    groups.map((row) => [
      String(row[member] ?? ""),
      { requests: Number(row.requests), errorRate: Number(row.error_rate), latency: Number(row.avg_latency) },
    ]),
  );
}

/** All of them by name, and beside those that are set up those that were asked without. */
export function rowsOf(providers: readonly ShownProvider[], asked: Map<string, Hour>, state: State | null): ProviderRow[] {
  const named = new Set(providers.map((each) => each.slug));
  const beside = [...asked.keys()].filter((slug) => slug && !named.has(slug)).map((slug) => row(slug, slug, null, asked, state));
  const rows = [...providers.map((each) => row(each.id, each.slug, each, asked, state)), ...beside];
  return rows.sort((one, other) => one.slug.localeCompare(other.slug));
}

function row(id: string, slug: string, provider: ShownProvider | null, asked: Map<string, Hour>, state: State | null): ProviderRow {
  const circuits = (state?.circuits ?? []).filter((each) => each.provider === slug);
  const parked = (state?.parked ?? []).filter((each) => each.provider === slug);
  const hour = asked.get(slug) ?? null;
  return { id, slug, provider, kind: provider?.ai_provider_name ?? slug, hour, circuits, parked, health: healthOf(provider, hour, circuits, parked) };
}

function healthOf(provider: ShownProvider | null, hour: Hour | null, circuits: Circuit[], parked: Parked[]): Health {
  const open = circuits.filter((each) => each.state === "open");
  if (provider && provider.status !== "active") return { tone: "bad", label: provider.status, why: "It cannot be used now." };
  if (open.length) return { tone: "bad", label: "Circuit open", why: `No requests to ${open.map(nameOf).join(", ")} for now.` };
  const probed = circuits.filter((each) => each.state === "half-open");
  if (probed.length) return { tone: "warn", label: "Probing", why: `One request finds out whether ${probed.map(nameOf).join(", ")} works again.` };
  if (parked.length) return { tone: "warn", label: "Parked", why: [...new Set(parked.map((each) => each.why))].join(", ") };
  if (hour && hour.errorRate >= MANY_ERRORS) return { tone: "warn", label: "Errors", why: `${hour.errorRate} % of the last hour's requests failed.` };
  if (hour?.requests) return { tone: "good", label: "Well", why: "It answers." };
  return { tone: "plain", label: "Idle", why: "Nothing was asked in the last hour." };
}

function nameOf(circuit: Circuit): string {
  return circuit.model || circuit.provider;
}
