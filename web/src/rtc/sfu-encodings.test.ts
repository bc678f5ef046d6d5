import { expect, test } from "vitest";
import { activate, encodingsFor } from "./sfu-encodings";

const rids = (encodings: readonly RTCRtpEncodingParameters[]) => encodings.filter(({ active }) => active !== false).map(({ rid }) => rid);

test("a camera is sent in three sizes, or in one stream that holds them", () => {
  for (const codec of [null, "vp8", "h264"] as const) {
    expect(rids(encodingsFor("camera", codec))).toEqual(["q", "h", "f"]);
  }
  expect(encodingsFor("camera", "av1")).toMatchObject([{ scalabilityMode: "L3T3_KEY" }]);
  expect(encodingsFor("microphone", null)).toEqual([]);
});

test("only what somebody wants is sent, and it comes back", () => {
  const encodings = encodingsFor("camera", null);
  expect(activate(encodings, { paused: false, active: ["q", "h"] })).toBe(true);
  expect(rids(encodings)).toEqual(["q", "h"]);
  expect(activate(encodings, { paused: true, active: [] })).toBe(true);
  expect(rids(encodings)).toEqual([]);
  expect(activate(encodings, { paused: true, active: [] })).toBe(false);
  expect(activate(encodings, { paused: false, active: ["f"] })).toBe(true);
  expect(rids(encodings)).toEqual(["f"]);
});

test("a section without simulcast is on unless it is paused", () => {
  const encodings = encodingsFor("screen", null);
  expect(activate(encodings, { paused: false, active: [] })).toBe(false);
  expect(activate(encodings, { paused: true, active: [] })).toBe(true);
  expect(encodings.map(({ active }) => active)).toEqual([false]);
});
