// Owns the proofs about the sizes and places of tiles.

import { expect, test } from "vitest";
import { chooseGrid, gridCapacity, layStrip, placeCorner, placeGrid, type Rect, type Size } from "./geometry";

const LAPTOP: Size = { width: 1256, height: 668 };
const PHONE: Size = { width: 336, height: 628 };
const LYING: Size = { width: 716, height: 240 };
const HUGE: Size = { width: 3816, height: 1980 };
const STAGES = [LAPTOP, PHONE, LYING, HUGE, { width: 500, height: 500 }];

const overlap = (a: Rect, b: Rect) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const within = (rect: Rect, stage: Size) =>
  rect.x >= -1 && rect.y >= -1 && rect.x + rect.width <= stage.width + 1 && rect.y + rect.height <= stage.height + 1;

test("no tile of a grid overlaps another or leaves the stage", () => {
  for (const stage of STAGES) {
    for (let count = 1; count <= 30; count += 1) {
      const rects = placeGrid(count, stage);
      expect(rects).toHaveLength(count);
      rects.forEach((rect, index) => {
        expect(within(rect, stage)).toBe(true);
        expect(rects.slice(index + 1).some((other) => overlap(rect, other))).toBe(false);
      });
    }
  }
});

test("no other number of columns gives larger tiles", () => {
  for (let count = 1; count <= 30; count += 1) {
    const { tile } = chooseGrid(count, LAPTOP);
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const width = Math.min((LAPTOP.width - 8 * (columns - 1)) / columns, (((LAPTOP.height - 8 * (rows - 1)) / rows) * 16) / 9);
      expect(tile.width).toBeGreaterThanOrEqual(width - 1);
    }
  }
});

test("tiles are 16 to 9, on an upright phone between that and 3 to 4", () => {
  const { tile } = chooseGrid(5, LAPTOP);
  expect(tile.width / tile.height).toBeCloseTo(16 / 9);
  for (let count = 1; count <= 12; count += 1) {
    const { tile: upright, columns } = chooseGrid(count, PHONE);
    expect(upright.width / upright.height).toBeGreaterThanOrEqual(3 / 4 - 0.001);
    expect(upright.width / upright.height).toBeLessThanOrEqual(16 / 9 + 0.001);
    expect(columns).toBeLessThanOrEqual(2);
  }
});

test("the last row stands in the middle", () => {
  const rects = placeGrid(5, LAPTOP);
  const last = rects.slice(3);
  const left = last[0]?.x ?? 0;
  const right = LAPTOP.width - ((last[1]?.x ?? 0) + (last[1]?.width ?? 0));
  expect(Math.abs(left - right)).toBeLessThanOrEqual(2);
});

test("a page holds no more faces than can be recognised", () => {
  for (const stage of STAGES) {
    const capacity = gridCapacity(stage);
    expect(capacity).toBeGreaterThanOrEqual(1);
    expect(capacity).toBeLessThanOrEqual(49);
  }
  expect(gridCapacity(HUGE)).toBeGreaterThanOrEqual(gridCapacity(PHONE));
  expect(chooseGrid(gridCapacity(PHONE), PHONE).tile.width).toBeGreaterThanOrEqual(140);
});

test("the large tile and a full strip share the stage without overlap", () => {
  for (const stage of STAGES) {
    const { large, capacity, small } = layStrip(stage);
    const rects = [large, ...Array.from({ length: capacity }, (_, index) => small(index, capacity))];
    rects.forEach((rect, index) => {
      expect(within(rect, stage)).toBe(true);
      expect(rects.slice(index + 1).some((other) => overlap(rect, other))).toBe(false);
    });
  }
});

test("the strip is at the right of a wide stage and below on a tall one", () => {
  expect(layStrip(LAPTOP).small(0, 1).x).toBeGreaterThan(layStrip(LAPTOP).large.width);
  expect(layStrip(PHONE).small(0, 1).y).toBeGreaterThan(layStrip(PHONE).large.height);
});

test("the own tile in its corner stays on the stage", () => {
  for (const stage of STAGES) {
    expect(within(placeCorner(stage), stage)).toBe(true);
  }
});
