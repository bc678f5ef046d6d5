// Owns numbers, times and lists as the present language writes them.

import { computed } from "@preact/signals";
import { formatLocale } from "./language";

const list = computed(() => new Intl.ListFormat(formatLocale.value, { type: "conjunction" }));
const time = computed(() => new Intl.DateTimeFormat(formatLocale.value, { hour: "numeric", minute: "2-digit" }));
const dayAndTime = computed(
  () => new Intl.DateTimeFormat(formatLocale.value, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }),
);
const integer = computed(() => new Intl.NumberFormat(formatLocale.value, { maximumFractionDigits: 0 }));
const percent = computed(() => new Intl.NumberFormat(formatLocale.value, { style: "percent", maximumFractionDigits: 1 }));
const degrees = computed(
  () => new Intl.NumberFormat(formatLocale.value, { minimumFractionDigits: 4, maximumFractionDigits: 4 }),
);

/** "Ana, Bo and Li". */
export function formatList(items: readonly string[]): string {
  return list.value.format(items);
}

/** The time of day, with the date when it is not today's. */
export function formatTime(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  return (sameDay ? time : dayAndTime).value.format(at);
}

export function formatInteger(value: number): string {
  return integer.value.format(value);
}

/** A part of 1 as a percentage. */
export function formatPercent(part: number): string {
  return percent.value.format(part);
}

export function formatDegrees(value: number): string {
  return `${degrees.value.format(value)}°`;
}

export function formatSeconds(seconds: number): string {
  return unit("second", seconds, 0, "long");
}

export function formatMilliseconds(milliseconds: number): string {
  return unit("millisecond", milliseconds, 0, "short");
}

/** Metres below a kilometre (in steps that the measurement can bear), kilometres above. */
export function formatDistance(metres: number): string {
  // 995 m and more would be rounded to a thousand of them.
  if (metres < 995) {
    const step = metres < 100 ? 1 : 10;
    return unit("meter", Math.round(metres / step) * step, 0, "short");
  }
  return unit("kilometer", metres / 1000, metres < 10_000 ? 1 : 0, "short");
}

function unit(name: string, value: number, maximumFractionDigits: number, unitDisplay: "short" | "long"): string {
  return new Intl.NumberFormat(formatLocale.value, { style: "unit", unit: name, unitDisplay, maximumFractionDigits }).format(value);
}
