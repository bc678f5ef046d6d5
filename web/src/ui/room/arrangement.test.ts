// Owns the proofs about which tile is large, small, in the corner or on another page.

import { expect, test } from "vitest";
import { arrange, OWN_CAMERA, type Role } from "./arrangement";

const STAGE = { width: 1256, height: 668 };
const seats = (count: number) => Array.from({ length: count }, (_, index) => `camera:${index}`);

function roles(count: number, large: string | null = null, page = 0): Map<string, Role> {
  const { placements } = arrange({ seats: seats(count), large, page }, STAGE);
  return new Map([...placements].map(([key, { role }]) => [key, role]));
}

test("someone alone is large in the grid", () => {
  expect([...roles(0)]).toEqual([[OWN_CAMERA, "grid"]]);
});

test("with two or three people one's own tile is in the corner, from four on in the grid", () => {
  expect(roles(1).get(OWN_CAMERA)).toBe("corner");
  expect(roles(2).get(OWN_CAMERA)).toBe("corner");
  expect(roles(3).get(OWN_CAMERA)).toBe("grid");
});

test("a large tile puts everyone else in the strip, oneself too", () => {
  const all = roles(3, "camera:1");
  expect(all.get("camera:1")).toBe("large");
  expect(all.get("camera:0")).toBe("strip");
  expect(all.get(OWN_CAMERA)).toBe("strip");
});

test("the own tile can be the large one", () => {
  const all = roles(2, OWN_CAMERA);
  expect(all.get(OWN_CAMERA)).toBe("large");
  expect([...all.values()].filter((role) => role === "strip")).toHaveLength(2);
});

test("alone and enlarged, one has the whole stage", () => {
  const { placements } = arrange({ seats: [], large: OWN_CAMERA, page: 0 }, STAGE);
  expect(placements.get(OWN_CAMERA)?.rect).toEqual({ x: 0, y: 0, ...STAGE });
});

test("every tile has a place, and every page shows oneself", () => {
  const count = 120;
  const first = arrange({ seats: seats(count), large: null, page: 0 }, STAGE);
  expect(first.pages).toBeGreaterThan(1);
  const seen = new Set<string>();
  for (let page = 0; page < first.pages; page += 1) {
    const { placements } = arrange({ seats: seats(count), large: null, page }, STAGE);
    expect(placements.size).toBe(count + 1);
    expect(placements.get(OWN_CAMERA)?.role).toBe("grid");
    placements.forEach(({ role }, key) => role === "grid" && seen.add(key));
  }
  expect(seen.size).toBe(count + 1);
});

test("a page that is no more turns back to the last one", () => {
  const { page, pages } = arrange({ seats: seats(120), large: null, page: 99 }, STAGE);
  expect(page).toBe(pages - 1);
});
