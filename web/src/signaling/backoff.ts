// Owns how long to wait before the next attempt to connect.

const FIRST_MS = 500;
const LONGEST_MS = 8000;

/** The wait before an attempt, counted from 0: none, then 0.5 s doubling to 8 s, up to half of it taken off by chance. */
export function backoffMs(attempt: number, random: number): number {
  if (attempt === 0) {
    return 0;
  }
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(whole * (1 - random / 2));
}
