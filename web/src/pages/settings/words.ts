/** What settings are called, and what of them is written where. */
import { percent } from "../../lib/format";

export const KEPT: Record<string, string> = { full: "Everything, bodies too", metadata: "Everything but the bodies", off: "Nothing" };

/** Seconds as a form has them in words. */
export const DAY = 86_400_000;

export const STORES: Record<string, string> = {
  sqlite: "SQLite, in the data directory",
  postgresql: "PostgreSQL",
  postgres: "PostgreSQL",
  clickhouse: "ClickHouse",
  clickhouses: "ClickHouse",
  redis: "Redis",
  rediss: "Redis, by TLS",
  unix: "Redis, by a socket",
  memory: "in the memory of each worker",
  s3: "S3",
};

export const PLACES: Record<string, string> = {
  control: "What is set up here",
  ledger: "Money",
  log: "The log",
  bodies: "Bodies of the log",
  cache: "The cache",
  shared: "What machines share",
};

export const MEASURES: Record<string, string> = {
  error_rate: "Error rate",
  latency_p50: "Latency, p50",
  latency_p90: "Latency, p90",
  latency_p99: "Latency, p99",
  ttft_p50: "First token, p50",
  ttft_p90: "First token, p90",
  ttft_p99: "First token, p99",
  spend: "Spend",
  spend_rise: "Rise of spend",
  requests: "Requests",
  refused: "Refused requests",
};

/** How much of one number another is, in words; "" where there is nothing to compare with. */
export const part = (some: number, all: number | null): string => (all ? percent((some / all) * 100) : "");

/** Filters of a job, in a line. Times are told apart. */
export function filtered(filters: Record<string, unknown>): string {
  const said = Object.entries(filters).filter(([name]) => !name.startsWith("time_of_generation"));
  return said.map(([name, value]) => `${name.replaceAll("_", " ")}: ${Array.isArray(value) ? value.join(", ") : String(value)}`).join("; ");
}

/** The times of a job's filters, as ms since the epoch; null: without an end. */
export function times(filters: Record<string, unknown>): [number | null, number | null] {
  const [from, to] = ["time_of_generation_min", "time_of_generation_max"].map((name) => Date.parse(String(filters[name] ?? "")));
  return [Number.isNaN(from!) ? null : from!, Number.isNaN(to!) ? null : to!];
}
