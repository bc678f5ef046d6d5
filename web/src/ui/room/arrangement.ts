// Owns which tile is large, which are small and which are on another page.

import { gridCapacity, layStrip, placeCorner, placeGrid, type Rect, type Size } from "./geometry";

/** Names a tile: `camera:<participant>`, `screen:<participant>`, for oneself `camera:self` and `screen:self`. */
export type TileKey = string;

export const OWN_CAMERA: TileKey = "camera:self";
export const OWN_SCREEN: TileKey = "screen:self";

export type Role = "grid" | "large" | "strip" | "corner" | "elsewhere";

export interface Placement {
  readonly role: Role;
  /** Where; for a tile that is elsewhere, where it would come in. */
  readonly rect: Rect;
}

export interface Arrangement {
  readonly placements: ReadonlyMap<TileKey, Placement>;
  readonly page: number;
  readonly pages: number;
  /** How many of the seats, from the first on, are on the first page or large: the speaker is kept among them. */
  readonly firstPage: number;
}

export interface Cast {
  /** All tiles but the own camera, in the order of their seats. */
  readonly seats: readonly TileKey[];
  /** The tile that takes the stage, if any. */
  readonly large: TileKey | null;
  /** Wished page, from 0. */
  readonly page: number;
}

/** Up to three people: oneself in the corner, the others large. From four on everyone is in the grid. */
const CORNER_SEATS_MAX = 2;

export function arrange({ seats, large, page }: Cast, stage: Size): Arrangement {
  if (large === null) {
    const cornered = seats.length > 0 && seats.length <= CORNER_SEATS_MAX;
    const turned = turnTo(page, seats, !cornered, gridCapacity(stage));
    const rects = placeGrid(turned.shown.length, stage);
    const placements = place(seats, turned.shown, "grid", (index) => rects[index] ?? rectOf(stage));
    if (cornered) {
      placements.set(OWN_CAMERA, { role: "corner", rect: placeCorner(stage) });
    }
    return { placements, page: turned.page, pages: turned.pages, firstPage: turned.perPage };
  }
  const strip = layStrip(stage);
  const others = seats.filter((key) => key !== large);
  const turned = turnTo(page, others, large !== OWN_CAMERA, strip.capacity);
  const placements = place(others, turned.shown, "strip", (index) => strip.small(index, turned.shown.length));
  placements.set(large, { role: "large", rect: turned.shown.length === 0 ? rectOf(stage) : strip.large });
  const largeIsEarly = seats.indexOf(large) >= 0 && seats.indexOf(large) <= turned.perPage;
  return { placements, page: turned.page, pages: turned.pages, firstPage: turned.perPage + (largeIsEarly ? 1 : 0) };
}

interface Turned {
  readonly shown: readonly TileKey[];
  readonly page: number;
  readonly pages: number;
  readonly perPage: number;
}

/** One page of tiles. The own camera, where it belongs here at all, closes every page. */
function turnTo(wished: number, keys: readonly TileKey[], withSelf: boolean, capacity: number): Turned {
  const self = withSelf ? [OWN_CAMERA] : [];
  if (keys.length + self.length <= capacity) {
    return { shown: [...keys, ...self], page: 0, pages: 1, perPage: capacity };
  }
  // A strip of one would otherwise show nobody but oneself.
  const closing = capacity > 1 ? self : [];
  const perPage = capacity - closing.length;
  const pages = Math.ceil(keys.length / perPage);
  const page = Math.min(Math.max(0, wished), pages - 1);
  return { shown: [...keys.slice(page * perPage, (page + 1) * perPage), ...closing], page, pages, perPage };
}

function place(
  keys: readonly TileKey[],
  shown: readonly TileKey[],
  role: Role,
  rectAt: (index: number) => Rect,
): Map<TileKey, Placement> {
  const placements = new Map<TileKey, Placement>();
  for (const key of [...keys, OWN_CAMERA]) {
    placements.set(key, { role: "elsewhere", rect: rectAt(Math.max(0, shown.length - 1)) });
  }
  shown.forEach((key, index) => placements.set(key, { role, rect: rectAt(index) }));
  return placements;
}

function rectOf(stage: Size): Rect {
  return { x: 0, y: 0, width: stage.width, height: stage.height };
}
