import { expect, test } from "vitest";
import { loudness } from "./levels";
import { chooseSpeaker, joinSpeakers } from "./speaker";

const ANN = "00000000000000a1";
const BO = "00000000000000b2";
const levels = (ann: number, bo: number) => new Map([[ANN, ann], [BO, bo]]);

test("the loudest above the threshold speaks", () => {
  expect(chooseSpeaker(null, levels(0.2, 0.4), 0)).toBe(null);
  expect(chooseSpeaker(null, levels(0.6, 0.7), 0)?.id).toBe(BO);
});

test("a pause keeps the floor for a second", () => {
  const ann = { id: ANN, loudAtMs: 0 };
  expect(chooseSpeaker(ann, levels(0, 0), 900)?.id).toBe(ANN);
  expect(chooseSpeaker(ann, levels(0, 0), 1000)).toBe(null);
});

test("who is hardly louder does not interrupt, who is clearly louder does", () => {
  const ann = { id: ANN, loudAtMs: 0 };
  expect(chooseSpeaker(ann, levels(0.6, 0.65), 250)).toEqual({ id: ANN, loudAtMs: 250 });
  expect(chooseSpeaker(ann, levels(0.6, 0.8), 250)?.id).toBe(BO);
});

test("who has left does not speak", () => {
  expect(chooseSpeaker({ id: ANN, loudAtMs: 0 }, new Map([[BO, 0]]), 100)).toBe(null);
});

test("loudness runs from silence to full scale in decibels", () => {
  expect(loudness(new Float32Array(8))).toBe(0);
  expect(loudness(new Float32Array(8).fill(1))).toBe(1);
  expect(loudness(new Float32Array(8).fill(0.0316))).toBe(0.5);
});

test("of two speakers, one heard directly and one named by the server, the louder has the ring", () => {
  expect(joinSpeakers(ANN, BO, levels(0.7, 0.5))).toBe(ANN);
  expect(joinSpeakers(ANN, BO, levels(0.5, 0.7))).toBe(BO);
  expect(joinSpeakers(null, BO, levels(0, 0))).toBe(BO);
  expect(joinSpeakers(null, null, levels(1, 1))).toBe(null);
});
