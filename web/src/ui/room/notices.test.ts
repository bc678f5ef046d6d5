// Owns the proofs that notices are merged: one sentence for each kind, at most once in two seconds.

import { expect, test } from "vitest";
import type { Notice } from "../../room/state";
import { en } from "../words/en";
import { composeSentences, Merger } from "./notices";

const notice = (number: number, kind: Notice["kind"], name = "", text: string | null = null): Notice => ({ number, kind, participant: null, name, text });
const list = (items: readonly string[]) => items.join(" and ");

/** Time that stands still until it is told to pass. */
class StillClock {
  #nowMs = 0;
  readonly #tasks: { atMs: number; run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { atMs: this.#nowMs + delayMs, run };
    this.#tasks.push(task);
    return () => this.#tasks.splice(this.#tasks.indexOf(task), 1);
  }

  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#tasks.filter((task) => task.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) {
        this.#nowMs = endMs;
        return;
      }
      this.#nowMs = next.atMs;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      next.run();
    }
  }
}

test("those who join together are named in one sentence, each once", () => {
  const notices = [notice(1, "joined", "Ana"), notice(2, "hand", "Bo"), notice(3, "joined", "Li"), notice(4, "joined", "Ana")];
  expect(composeSentences(notices, en, list)).toEqual(["Ana and Li joined.", "Bo raises a hand."]);
});

test("a server's sentences are told each, but not twice", () => {
  const notices = [notice(1, "server-error", "", "No."), notice(2, "server-error", "", "No."), notice(3, "device-lost", "", "Headset")];
  expect(composeSentences(notices, en, list)).toEqual(["The server refused something: No.", "“Headset” is gone."]);
});

test("a burst is told once, and the next not before two seconds have passed", () => {
  const clock = new StillClock();
  const told: number[][] = [];
  const merger = new Merger(clock, (notices) => told.push([clock.nowMs(), ...notices.map(({ number }) => number)]));
  merger.add([notice(1, "joined")]);
  clock.pass(100);
  merger.add([notice(2, "joined")]);
  clock.pass(300);
  merger.add([notice(3, "left")]);
  clock.pass(1000);
  merger.add([notice(4, "left")]);
  clock.pass(10_000);
  merger.add([notice(5, "left")]);
  clock.pass(10_000);
  expect(told).toEqual([
    [250, 1, 2],
    [2250, 3, 4],
    [11_650, 5],
  ]);
});

test("after the end nothing is told", () => {
  const clock = new StillClock();
  const merger = new Merger(clock, () => {
    throw new Error("told after the end");
  });
  merger.add([notice(1, "joined")]);
  merger.stop();
  clock.pass(10_000);
});
