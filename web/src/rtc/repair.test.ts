import { expect, test } from "vitest";
import { chooseRepair, slowRetryMs, type Trouble } from "./repair";

const BROKEN: Trouble = {
  sinceMs: 1000,
  repairedMs: null,
  repairs: 0,
  connection: "disconnected",
  negotiated: true,
  connectedBefore: true,
  firstMover: true,
};

test("a disconnected link is restarted after 3 s, by the other end 4 s later", () => {
  expect(chooseRepair(BROKEN)).toEqual({ action: "restart", atMs: 4000 });
  expect(chooseRepair({ ...BROKEN, firstMover: false })).toEqual({ action: "restart", atMs: 8000 });
});

test("a failed link is restarted at once", () => {
  expect(chooseRepair({ ...BROKEN, connection: "failed" })).toEqual({ action: "restart", atMs: 1000 });
});

test("a restart gets five seconds before the next, and the third is the last", () => {
  expect(chooseRepair({ ...BROKEN, repairs: 1, repairedMs: 4000 })).toEqual({ action: "restart", atMs: 9000 });
  expect(chooseRepair({ ...BROKEN, repairs: 3, repairedMs: 14_000 })).toEqual({ action: "give-up", atMs: 19_000 });
});

test("after 20 s of trouble the link is given up", () => {
  expect(chooseRepair({ ...BROKEN, repairs: 2, repairedMs: 17_000 })).toEqual({ action: "give-up", atMs: 21_000 });
});

test("an offer without an answer leads to another peer connection, not to a restart", () => {
  const unanswered: Trouble = { ...BROKEN, connection: "new", negotiated: false, connectedBefore: false };
  expect(chooseRepair(unanswered)).toEqual({ action: "anew", atMs: 7000 });
  expect(chooseRepair({ ...unanswered, firstMover: false })).toEqual({ action: "anew", atMs: 11_000 });
});

test("a link that never connected is made anew when ICE says that it failed", () => {
  const failed: Trouble = { ...BROKEN, connection: "failed", connectedBefore: false };
  expect(chooseRepair(failed)).toEqual({ action: "anew", atMs: 1000 });
});

test("a link that was given up is tried ever more rarely", () => {
  expect([0, 1, 2, 3, 4, 50].map(slowRetryMs)).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
});
