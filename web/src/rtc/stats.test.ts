import { expect, test } from "vitest";
import { interpretStats } from "./stats";

type Entry = Record<string, unknown>;

const report = (local: string, remote: string, ...more: Entry[]): ReadonlyMap<string, Entry> => {
  const entries: Entry[] = [
    { id: "t", type: "transport", selectedCandidatePairId: "p" },
    { id: "p", type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r", currentRoundTripTime: 0.0123 },
    { id: "l", type: "local-candidate", candidateType: local },
    { id: "r", type: "remote-candidate", candidateType: remote },
    ...more,
  ];
  return new Map(entries.map((entry) => [String(entry["id"]), entry]));
};

test.each([
  ["host", "srflx", "direct", false],
  ["relay", "host", "relayed", true],
  ["prflx", "relay", "relayed", false],
])("a pair of %s and %s is %s", (local, remote, path, relayedHere) => {
  expect(interpretStats(report(local, remote), "1")).toMatchObject({ path, rttMs: 12, relayedHere, cameraFrames: null });
});

test("only the camera's section counts frames", () => {
  const camera = { id: "c", type: "inbound-rtp", kind: "video", mid: "1", framesReceived: 9 };
  const screen = { id: "s", type: "inbound-rtp", kind: "video", mid: "2", framesReceived: 4 };
  expect(interpretStats(report("host", "host", screen, camera), "1").cameraFrames).toBe(9);
});

test("a browser that marks the pair itself is understood", () => {
  const entries = new Map<string, Entry>([
    ["p", { type: "candidate-pair", selected: true, localCandidateId: "l", remoteCandidateId: "r" }],
    ["l", { type: "local-candidate", candidateType: "host" }],
  ]);
  expect(interpretStats(entries, null)).toMatchObject({ path: "direct", rttMs: null, relayedHere: false, cameraFrames: null });
});

test("without a pair nothing is known", () => {
  expect(interpretStats(new Map(), null)).toEqual({ path: null, rttMs: null, relayedHere: false, cameraFrames: null, figures: null, counted: null });
});

test("the camera's figures tell codec, size and the loss since the last reading", () => {
  const camera = { id: "c", type: "inbound-rtp", kind: "video", mid: "1", codecId: "v", frameWidth: 640, frameHeight: 360, packetsReceived: 290, packetsLost: 12 };
  const entries = report("host", "host", camera, { id: "v", type: "codec", mimeType: "video/VP8" });
  expect(interpretStats(entries, "1", { received: 200, lost: 2 }).figures).toEqual({ codec: "VP8", width: 640, height: 360, loss: 0.1 });
  expect(interpretStats(entries, "1", { received: 290, lost: 12 }).figures?.loss).toBe(null);
});
