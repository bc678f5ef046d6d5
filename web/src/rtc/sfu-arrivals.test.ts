// Whose tile a slot plays in, and from when on its picture is shown.

import { expect, test, vi } from "vitest";
import type { SlotState } from "../protocol/types";
import type { Received } from "../room/reducer";
import { SfuArrivals } from "./sfu-arrivals";
import { FakeTrack, GLOBALS, type FakeStream } from "./sfu-fakes";

vi.stubGlobal("MediaStream", GLOBALS.MediaStream);

const slot = (mid: string, participant: string, source: SlotState["source"] = "camera", state: SlotState["state"] = "live"): SlotState => ({
  mid,
  participant,
  source,
  state,
});

function arrive() {
  const tracks = new Map<string, MediaStreamTrack>();
  const trackOf = (mid: string) => {
    const track = tracks.get(mid) ?? (new FakeTrack("video") as unknown as MediaStreamTrack);
    tracks.set(mid, track);
    return track;
  };
  const told = new Map<string, Partial<Received>>();
  const arrivals = new SfuArrivals((participant, received) => told.set(participant, { ...told.get(participant), ...received }));
  const assign = (...slots: SlotState[]) => {
    arrivals.assign(slots, trackOf);
  };
  const tracksOf = (participant: string) =>
    ((told.get(participant)?.camera ?? null) as FakeStream | null)?.getTracks().map((track) => [...tracks].find(([, other]) => other === track)?.[0]);
  const read = (nowMs: number, counters: Record<string, [frames: number, keyFrames: number | null]>) => {
    arrivals.watch(new Map(Object.entries(counters).map(([mid, [frames, keyFrames]]) => [mid, { frames, keyFrames }])), nowMs);
  };
  return { arrivals, told, assign, tracksOf, read };
}

test("a fresh slot is shown with its first key frame", () => {
  const { arrivals, told, assign, read } = arrive();
  assign(slot("7", "ann"));
  expect([told.get("ann")?.frames, arrivals.isAwaiting(0)]).toEqual([false, true]);
  read(0, { "7": [0, 0] });
  expect(told.get("ann")?.frames).toBe(false);
  read(100, { "7": [1, 1] });
  expect([told.get("ann")?.frames, arrivals.isAwaiting(100)]).toEqual([true, false]);
});

test("a slot that passes to another never shows the old picture in the new tile", () => {
  const { told, assign, tracksOf, read } = arrive();
  assign(slot("7", "ann"));
  read(0, { "7": [1, 1] });
  assign(slot("7", "bo"));
  expect([tracksOf("ann"), tracksOf("bo")]).toEqual([undefined, ["7"]]);
  expect([told.get("ann")?.frames, told.get("bo")?.frames]).toEqual([false, false]);
  read(100, { "7": [40, 1] });
  read(200, { "7": [41, 1] });
  expect(told.get("bo")?.frames).toBe(false);
  read(300, { "7": [42, 2] });
  expect(told.get("bo")?.frames).toBe(true);
});

test("where key frames are not counted, a few frames will do", () => {
  const { told, assign, read } = arrive();
  assign(slot("7", "ann"));
  read(0, { "7": [3, null] });
  assign(slot("7", "bo"));
  read(100, { "7": [9, null] });
  read(200, { "7": [10, null] });
  expect(told.get("bo")?.frames).toBe(false);
  read(300, { "7": [11, null] });
  expect(told.get("bo")?.frames).toBe(true);
});

test("a picture that stands still for long is hidden until it moves again", () => {
  const { told, assign, read } = arrive();
  assign(slot("7", "ann"));
  read(0, { "7": [1, 1] });
  read(3000, { "7": [1, 1] });
  expect(told.get("ann")?.frames).toBe(true);
  read(4000, { "7": [1, 1] });
  expect(told.get("ann")?.frames).toBe(false);
  read(5000, { "7": [2, 1] });
  expect(told.get("ann")?.frames).toBe(true);
});

test("a paused picture is hidden and said to be paused, and comes back with a key frame", () => {
  const { told, assign, read } = arrive();
  assign(slot("7", "ann"));
  read(0, { "7": [1, 1] });
  assign(slot("7", "ann", "camera", "paused"));
  expect(told.get("ann")).toMatchObject({ frames: false, cameraStanding: "paused" });
  read(2000, { "7": [5, 2] });
  expect(told.get("ann")?.frames).toBe(false);
  assign(slot("7", "ann"));
  read(2100, { "7": [5, 2] });
  read(2200, { "7": [6, 3] });
  expect(told.get("ann")).toMatchObject({ frames: true, cameraStanding: "live" });
});

test("a voice that comes and goes leaves the picture and its stream alone", () => {
  const { arrivals, told, assign, tracksOf, read } = arrive();
  assign(slot("7", "ann"));
  read(0, { "7": [1, 1] });
  const { camera } = told.get("ann") ?? {};
  assign(slot("7", "ann"), slot("4", "ann", "microphone"));
  expect(tracksOf("ann")?.sort()).toEqual(["4", "7"]);
  expect([...arrivals.sounds().keys()]).toEqual(["ann"]);
  assign(slot("7", "ann"), slot("4", "bo", "microphone"));
  expect([tracksOf("ann"), tracksOf("bo")]).toEqual([["7"], ["4"]]);
  expect(told.get("ann")).toMatchObject({ camera, frames: true });
});

test("a shared screen has a stream of its own", () => {
  const { told, assign, read } = arrive();
  assign(slot("8", "ann", "screen"), slot("5", "ann", "screen_sound"));
  expect((told.get("ann")?.screen as FakeStream | null)?.getTracks()).toHaveLength(2);
  expect(told.get("ann")).toMatchObject({ camera: null, screenFrames: false });
  read(0, { "8": [1, 1] });
  expect(told.get("ann")?.screenFrames).toBe(true);
});

test("who is in no slot any more has nothing", () => {
  const { told, assign } = arrive();
  assign(slot("7", "ann"));
  assign();
  expect(told.get("ann")).toMatchObject({ camera: null, screen: null, frames: false });
});
