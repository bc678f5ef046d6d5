// Owns the proofs that people keep their seats.

import { expect, test } from "vitest";
import { assignSeats, SeatPlan, seatSpeaker } from "./seats";

test("newcomers sit at the end", () => {
  expect(assignSeats(["a", "b"], ["a", "b", "c"])).toEqual(["a", "b", "c"]);
});

test("when somebody leaves, only the last one moves", () => {
  expect(assignSeats(["a", "b", "c", "d"], ["a", "c", "d"])).toEqual(["a", "d", "c"]);
  expect(assignSeats(["a", "b", "c"], ["a", "b"])).toEqual(["a", "b"]);
});

test("who comes while another leaves takes the free seat", () => {
  expect(assignSeats(["a", "b", "c"], ["a", "c", "x"])).toEqual(["a", "x", "c"]);
});

test("many may leave at once, from any seat", () => {
  expect(assignSeats(["a", "b", "c", "d", "e"], ["d"])).toEqual(["d"]);
  expect(assignSeats(["a", "b"], [])).toEqual([]);
});

test("nobody is lost or seated twice, whoever comes and goes", () => {
  let seats: string[] = [];
  for (let round = 0; round < 200; round += 1) {
    const present = Array.from({ length: 12 }, (_, index) => `p${index}`).filter((_, index) => (round * 7 + index * index * 13) % 5 < 3);
    seats = assignSeats(seats, present);
    expect([...seats].sort()).toEqual([...present].sort());
  }
});

test("a speaker out of sight takes the seat of the one who has been silent longest", () => {
  const lastSpokeMs = new Map([["a", 50], ["b", 10], ["c", 40]]);
  expect(seatSpeaker(["a", "b", "c", "d", "e"], "e", 3, lastSpokeMs)).toEqual(["a", "e", "c", "d", "b"]);
});

test("a speaker in sight stays, an unknown one changes nothing", () => {
  expect(seatSpeaker(["a", "b", "c"], "b", 2, new Map())).toEqual(["a", "b", "c"]);
  expect(seatSpeaker(["a", "b", "c"], "x", 2, new Map())).toEqual(["a", "b", "c"]);
});

test("two who talk in turn do not push each other out", () => {
  const plan = new SeatPlan();
  plan.seat(["a", "b", "c", "d"]);
  for (let second = 1; second <= 6; second += 1) {
    plan.hear(second % 2 === 0 ? "c" : "d", second * 1000, 2);
  }
  expect([...plan.current].slice(0, 2).sort()).toEqual(["c", "d"]);
});
