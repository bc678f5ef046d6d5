import { expect, test } from "vitest";
import type { Shown } from "../protocol/types";
import type { Visible } from "../room/meeting";
import { chooseShown, SfuView } from "./sfu-view";

const visible = (participant: string, change: Partial<Visible> = {}): Visible => ({
  participant,
  source: "camera",
  width: 640,
  height: 360,
  pinned: false,
  ...change,
});

/** Time that stands still until it is told to pass. */
class Clock {
  #nowMs = 0;
  #tasks: { atMs: number; task: () => void }[] = [];

  after(delayMs: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    const due = this.#tasks.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#tasks = this.#tasks.filter((entry) => !due.includes(entry));
    due.forEach(({ task }) => {
      task();
    });
  }
}

function watch() {
  const clock = new Clock();
  const told: string[] = [];
  const view = new SfuView(clock, (videos: readonly Shown[]) => told.push(videos.map(({ participant }) => participant).join("")));
  return { clock, told, view };
}

test("what has no size is not asked for; sizes are whole and fit", () => {
  const seen = [visible("a", { width: 640.4, height: 1e6 }), visible("c", { height: 0 })];
  expect(chooseShown(seen)).toEqual([visible("a", { width: 640, height: 65_535 })]);
});

test("no more is asked for than one frame holds", () => {
  const seen = Array.from({ length: 70 }, (_, index) => visible(String(index)));
  expect(chooseShown(seen)).toHaveLength(64);
});

test("a flutter is told once, and what is the same is not told again", () => {
  const { clock, told, view } = watch();
  view.show([visible("a")]);
  view.show([visible("b")]);
  clock.pass(120);
  view.show([visible("b")]);
  clock.pass(1000);
  expect(told).toEqual(["b"]);
});

test("a hidden page asks for nothing after a while, and for all at once when it is back", () => {
  const { clock, told, view } = watch();
  view.show([visible("a")]);
  clock.pass(120);
  view.setHidden(true);
  clock.pass(4000);
  view.setHidden(false);
  clock.pass(4000);
  expect(told).toEqual(["a"]);
  view.setHidden(true);
  clock.pass(5000);
  view.setHidden(false);
  expect(told).toEqual(["a", "", "a"]);
});

test("a server that has forgotten is told again", () => {
  const { clock, told, view } = watch();
  view.show([visible("a")]);
  clock.pass(120);
  view.repeat();
  expect(told).toEqual(["a", "a"]);
});
