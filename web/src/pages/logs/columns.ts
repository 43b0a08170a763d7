/** What the list of requests can show, and what it shows at first. */
import type { LogRow } from "../../lib/schema";
import type { Column } from "../../ui/Table.svelte";

export const COLUMNS: Column<LogRow>[] = [
  { id: "time", label: "Time", width: "9.5rem" },
  { id: "status", label: "Status", width: "5rem" },
  { id: "model", label: "Model" },
  { id: "provider", label: "Provider" },
  { id: "operation", label: "Operation" },
  { id: "key", label: "Key" },
  { id: "config", label: "Config" },
  { id: "user", label: "User" },
  { id: "cache", label: "Cache" },
  { id: "error", label: "Error" },
  { id: "trace", label: "Trace" },
  { id: "metadata", label: "Metadata" },
  { id: "attempts", label: "Attempts", number: true },
  { id: "input", label: "In", number: true },
  { id: "output", label: "Out", number: true },
  { id: "cost", label: "Cost", number: true },
  { id: "first", label: "First token", number: true },
  { id: "latency", label: "Latency", number: true },
];

export const DEFAULT = ["time", "status", "model", "provider", "operation", "key", "input", "output", "cost", "latency"];
