// Owns how much a sender may use of the uplink, which a mesh pays once per link.

import type { Slot } from "./slots";

export interface Sending {
  readonly maxBitrate: number;
  readonly maxFramerate: number | null;
  readonly degradationPreference: RTCDegradationPreference;
}

/** How a slot is sent with that many links; null for sound, which the browser keeps small by itself. */
export function sendingFor(slot: Slot, links: number): Sending | null {
  switch (slot) {
    case "camera":
      return { ...cameraFor(links), degradationPreference: "balanced" };
    case "screen":
      // Text has to stay legible: rather fewer frames than fewer pixels.
      return { maxBitrate: screenBitrate(links), maxFramerate: null, degradationPreference: "maintain-resolution" };
    case "microphone":
    case "screenSound":
      return null;
  }
}

function cameraFor(links: number): Pick<Sending, "maxBitrate" | "maxFramerate"> {
  if (links <= 2) {
    return { maxBitrate: 1_500_000, maxFramerate: null };
  }
  if (links <= 4) {
    return { maxBitrate: 800_000, maxFramerate: null };
  }
  if (links <= 8) {
    return { maxBitrate: 400_000, maxFramerate: 20 };
  }
  return { maxBitrate: 200_000, maxFramerate: 15 };
}

function screenBitrate(links: number): number {
  return Math.max(500_000, Math.round(5_000_000 / Math.max(2, links)));
}
