import { expect, test } from "vitest";
import { chooseSfuRepair, type SfuTrouble } from "./sfu-repair";

const trouble = (change: Partial<SfuTrouble>): SfuTrouble => ({
  triedMs: null,
  sinceMs: 1000,
  connection: "disconnected",
  connectedBefore: true,
  restarts: 0,
  vain: 0,
  random: 0.5,
  ...change,
});

test("a connection that is disturbed restarts soon, one that failed at once", () => {
  expect(chooseSfuRepair(trouble({}))).toEqual({ action: "restart", atMs: 1300 });
  expect(chooseSfuRepair(trouble({ connection: "failed" }))).toEqual({ action: "restart", atMs: 1000 });
});

test("after two restarts in vain another connection is made", () => {
  expect(chooseSfuRepair(trouble({ triedMs: 1300, restarts: 1 }))).toEqual({ action: "restart", atMs: 5300 });
  expect(chooseSfuRepair(trouble({ triedMs: 5300, restarts: 2 }))).toEqual({ action: "anew", atMs: 9300 });
});

test("what the server gave up is not restarted; the first try comes at once, later ones at growing intervals", () => {
  const lost = (vain: number) => chooseSfuRepair(trouble({ connection: "lost", triedMs: 2000, vain }));
  expect(lost(0)).toEqual({ action: "anew", atMs: 1000 });
  const waits = [1, 2, 3, 4].map((vain) => lost(vain).atMs - 2000);
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(new Set(waits).size).toBe(4);
});

test("an offer that leads nowhere is made anew after a while", () => {
  expect(chooseSfuRepair(trouble({ connection: "connecting", connectedBefore: false, triedMs: 1000 }))).toEqual({ action: "anew", atMs: 11_000 });
});
