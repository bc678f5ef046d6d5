// Owns what is read from the statistics of the connection to the SFU: the round trip, and each receive slot by its mid.

import type { Figures } from "../room/state";
import { countOf, figuresOf, numberOf, roundTripMs, selectedPair, type Counted, type Entry } from "./figures";
import type { SlotFrames } from "./sfu-arrivals";

export interface SlotStats extends SlotFrames {
  readonly figures: Figures;
  readonly counted: Counted;
}

export interface SfuStats {
  readonly rttMs: number | null;
  /** The slots for pictures. */
  readonly slots: ReadonlyMap<string, SlotStats>;
}

/** `before`: the slots of the reading before. */
export function interpretSfuStats(entries: ReadonlyMap<string, Entry>, before: SfuStats["slots"]): SfuStats {
  const slots = new Map<string, SlotStats>();
  for (const entry of entries.values()) {
    const mid = entry["mid"];
    if (entry["type"] === "inbound-rtp" && entry["kind"] === "video" && typeof mid === "string") {
      slots.set(mid, {
        frames: numberOf(entry["framesDecoded"]) ?? 0,
        keyFrames: numberOf(entry["keyFramesDecoded"]),
        figures: figuresOf(entries, entry, before.get(mid)?.counted ?? null),
        counted: countOf(entry),
      });
    }
  }
  return { rttMs: roundTripMs(selectedPair(entries)), slots };
}
