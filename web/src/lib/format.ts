/** How numbers, money and times are written: in the reader's own zone and language, and short. Costs come as US cents, times as ms. */

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count, whole: "12,345". */
export function count(value: number | null | undefined): string {
  return value == null ? "–" : whole.format(value);
}

/** A count where there is little room: "12.3K". */
export function compact(value: number | null | undefined): string {
  if (value == null) return "–";
  if (Math.abs(value) >= 10_000) return short.format(value);
  return Number.isInteger(value) ? whole.format(value) : String(Number(value.toPrecision(3)));
}

/** US cents as dollars. What is small keeps three digits that say something: "$0.00412"; nothing is rounded to nothing. */
export function money(cents: number | null | undefined): string {
  if (cents == null || !Number.isFinite(cents)) return "–";
  const usd = cents / 100;
  const size = Math.abs(usd);
  if (size === 0) return "$0.00";
  if (size < 1e-9) return usd < 0 ? "–$0.000000001" : "<$0.000000001";
  const digits = size >= 1 ? 2 : Math.max(2, Math.min(9, 2 - Math.floor(Math.log10(size))));
  const text = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: digits }).format(size);
  return `${usd < 0 ? "–" : ""}$${text}`;
}

/** US cents as dollars where there is little room: "$1.2K". */
export function moneyShort(cents: number | null | undefined): string {
  return cents != null && Math.abs(cents) >= 1_000_000 ? `$${short.format(cents / 100)}` : money(cents);
}

/** ms as people say it: "840 ms", "1.24 s", "2 min 5 s", "3 h 10 min", "2 d 4 h". */
export function duration(ms: number | null | undefined): string {
  if (ms == null || !Number.isFinite(ms)) return "–";
  if (ms < 1) return ms === 0 ? "0 ms" : `${Number(ms.toPrecision(2))} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([number]) => number > 0);
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(" ");
}

/** A share in percent: "12.5 %", "0.04 %". */
export function percent(value: number | null | undefined): string {
  if (value == null) return "–";
  if (value === 0) return "0%";
  if (Math.abs(value) < 0.01) return "<0.01%";
  return `${Number(value.toFixed(Math.abs(value) < 1 ? 2 : 1))}%`;
}

/** Bytes: "4.7 kB". */
export function bytes(value: number | null | undefined): string {
  if (value == null) return "–";
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} kB`;
  if (value < 1e9) return `${(value / 1e6).toFixed(1)} MB`;
  return `${(value / 1e9).toFixed(1)} GB`;
}

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const year = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const full = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
  timeZoneName: "short",
});

/** When: the time of day today, the day and time in this year, else the date. */
export function moment(when: string | number | Date, now: Date = new Date()): string {
  const date = new Date(when);
  if (Number.isNaN(date.getTime())) return "–";
  if (date.toDateString() === now.toDateString()) return clock.format(date);
  if (date.getFullYear() === now.getFullYear()) return `${day.format(date)}, ${clock.format(date)}`;
  return year.format(date);
}

/** When, to the ms, with the zone: for tooltips. */
export function exactly(when: string | number | Date): string {
  const date = new Date(when);
  return Number.isNaN(date.getTime()) ? "–" : full.format(date);
}

/** When, as a point of a line has it, whose steps are so many ms long; with its year, where that is another. */
export function instant(when: number, step: number, now: Date = new Date()): string {
  const date = new Date(when);
  const on = (date.getFullYear() === now.getFullYear() ? day : year).format(date);
  return step >= 86_400_000 ? on : `${on}, ${minutes.format(date)}`;
}

/** How much more or less than before, in percent: "+12%"; "" where there is nothing to compare with. */
export function change(now: number, before: number): string {
  if (!before || !Number.isFinite(before)) return "";
  const more = ((now - before) / before) * 100;
  if (Math.abs(more) < 0.5) return "±0%";
  if (more > 999) return `×${short.format(now / before)}`;
  return `${more > 0 ? "+" : "–"}${Math.abs(more).toFixed(0)}%`;
}

/** JSON for reading; a text as it is. */
export function pretty(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
