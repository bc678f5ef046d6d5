import { expect, test } from "vitest";
import { selectCodecs } from "./sfu-codecs";

const codec = (name: string, sdpFmtpLine?: string) => ({ mimeType: `video/${name}`, ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }) });
const ALL = [
  codec("VP8"),
  codec("rtx"),
  codec("VP9", "profile-id=0"),
  codec("VP9", "profile-id=2"),
  codec("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
  codec("H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
  codec("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f"),
  codec("AV1", "level-idx=5;profile=0;tier=0"),
  codec("AV1", "level-idx=5;profile=1;tier=0"),
  codec("red"),
  codec("ulpfec"),
  codec("flexfec-03"),
];

const chosen = (wanted: "av1" | null) => selectCodecs(ALL, wanted).map((found) => ALL.indexOf(found));

test("a section takes each codec in its common profiles, the wanted one first", () => {
  expect(chosen(null)).toEqual([0, 1, 2, 4, 7]);
  expect(chosen("av1")).toEqual([7, 0, 1, 2, 4]);
});
