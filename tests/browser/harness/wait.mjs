// Owns waiting: for a condition to hold, polled, with what was last seen in the error. Nothing here sleeps for a fixed time.

import { setTimeout as pause } from "node:timers/promises";

/**
 * Polls `probe` until `accept` takes its value, and returns that value.
 * @template T
 * @param {string} what what should come true, as the end of "never: …"
 * @param {() => T | Promise<T>} probe
 * @param {(value: T) => boolean} [accept] truthiness unless given
 * @param {{timeoutMs?: number, everyMs?: number}} [options]
 * @returns {Promise<T>}
 */
export async function until(what, probe, accept = Boolean, { timeoutMs = 30_000, everyMs = 100 } = {}) {
  const startMs = performance.now();
  for (;;) {
    const value = await probe();
    if (accept(value)) {
      return value;
    }
    if (performance.now() - startMs > timeoutMs) {
      throw new Error(`never within ${timeoutMs} ms: ${what}; last seen: ${show(value)}`);
    }
    await pause(everyMs);
  }
}

/**
 * Fails as soon as `probe` gives something that `accept` does not take, for the whole of `forMs`.
 * For what must not happen: there is no event to wait for.
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} probe
 * @param {(value: T) => boolean} accept
 * @param {{forMs: number, everyMs?: number}} options
 */
export async function holds(what, probe, accept, { forMs, everyMs = 100 }) {
  const endMs = performance.now() + forMs;
  do {
    const value = await probe();
    if (!accept(value)) {
      throw new Error(`did not hold: ${what}; seen: ${show(value)}`);
    }
    await pause(everyMs);
  } while (performance.now() < endMs);
}

function show(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === undefined || text.length <= 2000 ? String(text) : `${text.slice(0, 2000)}…`;
}
