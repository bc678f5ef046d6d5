import { expect, test } from "vitest";
import { interpretSfuStats } from "./sfu-stats";

const entries = (...list: Record<string, unknown>[]) => new Map(list.map((entry, index) => [typeof entry["id"] === "string" ? entry["id"] : String(index), entry]));

const slot = (more: Record<string, unknown>) => ({
  type: "inbound-rtp",
  kind: "video",
  mid: "7",
  framesDecoded: 30,
  keyFramesDecoded: 1,
  packetsReceived: 96,
  packetsLost: 4,
  ...more,
});

test("each slot for pictures is known by its mid; the round trip is that of the one path", () => {
  const stats = interpretSfuStats(
    entries(
      { id: "t", type: "transport", selectedCandidatePairId: "p" },
      { id: "p", type: "candidate-pair", currentRoundTripTime: 0.031 },
      slot({ frameWidth: 320, frameHeight: 180 }),
      { type: "inbound-rtp", kind: "audio", mid: "4" },
      { type: "outbound-rtp", kind: "video", mid: "1" },
    ),
    new Map(),
  );
  expect(stats.rttMs).toBe(31);
  expect([...stats.slots.keys()]).toEqual(["7"]);
  expect(stats.slots.get("7")).toMatchObject({ frames: 30, keyFrames: 1, figures: { width: 320, height: 180, loss: 0.04 } });
});

test("the loss is that since the reading before", () => {
  const { slots } = interpretSfuStats(entries(slot({})), new Map());
  const next = interpretSfuStats(entries(slot({ packetsReceived: 196, packetsLost: 4 })), slots);
  expect(next.slots.get("7")?.figures.loss).toBe(0);
});

test("a browser that does not count key frames says so", () => {
  expect(interpretSfuStats(entries(slot({ keyFramesDecoded: undefined })), new Map()).slots.get("7")?.keyFrames).toBe(null);
});
