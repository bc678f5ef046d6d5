// Owns in which versions a picture is sent to the SFU, and which of them at the moment.

import type { SectionState } from "../protocol/types";
import type { Codec } from "./sfu-codecs";
import type { Slot } from "./slots";

type Encoding = RTCRtpEncodingParameters & { scalabilityMode?: string };

/** A quarter, a half and the full size: 180, 360 and 720 lines of a common camera. */
const SIMULCAST: readonly Encoding[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000, maxFramerate: 30 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 30 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000, maxFramerate: 30 },
];
/** One stream with the sizes within it; a larger one needs no smaller one but at its key frames. */
const SCALABLE: readonly Encoding[] = [{ scalabilityMode: "L3T3_KEY", maxBitrate: 1_500_000, maxFramerate: 30 }];
/** Text has to stay legible in every version, so there is one, which may lose frames instead. */
const SCREEN: readonly Encoding[] = [{ scalabilityMode: "L1T3", maxBitrate: 2_500_000, maxFramerate: 30 }];

/** Fresh objects: the browser keeps them. Sound has none of its own. */
export function encodingsFor(slot: Slot, codec: Codec | null): Encoding[] {
  switch (slot) {
    case "camera":
      return (codec === "vp9" || codec === "av1" ? SCALABLE : SIMULCAST).map((encoding) => ({ ...encoding }));
    case "screen":
      return SCREEN.map((encoding) => ({ ...encoding }));
    case "microphone":
    case "screenSound":
      return [];
  }
}

/** Switches encodings on and off as the section says; true when that changes any. */
export function activate(encodings: readonly RTCRtpEncodingParameters[], { paused, active }: Pick<SectionState, "paused" | "active">): boolean {
  let changed = false;
  for (const encoding of encodings) {
    const wanted = !paused && (encoding.rid === undefined || active.length === 0 || active.includes(encoding.rid));
    // Absent means on.
    if ((encoding.active ?? true) !== wanted) {
      encoding.active = wanted;
      changed = true;
    }
  }
  return changed;
}
