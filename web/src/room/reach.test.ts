import { expect, test } from "vitest";
import { reachOf } from "./reach";

const able = (...capabilities: string[]) => ({ capabilities });

test.each([
  [["webrtc", "sfu"], ["webrtc", "sfu"], true, "direct"],
  [["webrtc", "sfu"], ["webrtc"], true, "direct"],
  [["webrtc", "sfu"], ["sfu"], true, "server"],
  [["sfu"], ["webrtc", "sfu"], true, "server"],
  [["sfu"], ["webrtc", "sfu"], false, "none"],
  [["sfu"], ["webrtc"], true, "none"],
  [["webrtc", "sfu"], [], true, "none"],
])("%j reaches %j, with a server that forwards: %s, %s", (own, other, server, reach) => {
  expect(reachOf(able(...own), able(...other), server)).toBe(reach);
});
