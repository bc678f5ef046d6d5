// Owns the eight directions as people name them.

export type Direction = "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "nw";

const DIRECTIONS: readonly Direction[] = ["n", "ne", "e", "se", "s", "sw", "w", "nw"];

/** The direction nearest to a bearing in degrees clockwise from north. */
export function nameDirection(bearingDegrees: number): Direction {
  const turned = ((bearingDegrees % 360) + 360) % 360;
  return DIRECTIONS[Math.round(turned / 45) % DIRECTIONS.length] ?? "n";
}
