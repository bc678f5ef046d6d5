// Owns how a quality score reads in words.

import type { Quality } from "../room/state";

export type Grade = "good" | "fair" | "poor";

/** From here on nobody notices anything. */
const GOOD = 75;
/** Below, pictures stutter and words go missing. */
const FAIR = 45;

export function gradeOf(quality: Quality | null): Grade | null {
  if (quality === null) {
    return null;
  }
  if (quality.score >= GOOD) {
    return "good";
  }
  return quality.score >= FAIR ? "fair" : "poor";
}
