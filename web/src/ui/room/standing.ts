// Owns the words for a picture that the server does not let through.

import { assertNever } from "../../assert";
import type { SlotStanding } from "../../protocol/types";
import type { Words } from "../words/en";

export function standingText(standing: SlotStanding, w: Words): string | null {
  switch (standing) {
    case "live":
      return null;
    case "paused":
      return w.videoPaused;
    case "unsupported":
      return w.videoUnsupported;
    default:
      return assertNever(standing);
  }
}
