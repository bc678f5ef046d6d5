import { expect, test } from "vitest";
import { poolFor } from "./sfu-sections";

test("the pool grows in steps and never shrinks", () => {
  expect(poolFor(0, 0, 64)).toBe(9);
  expect(poolFor(9, 9, 64)).toBe(9);
  expect(poolFor(10, 9, 64)).toBe(16);
  expect(poolFor(1, 16, 64)).toBe(16);
});

test("it is bounded by the server and by what a description holds", () => {
  expect(poolFor(10, 0, 12)).toBe(12);
  expect(poolFor(49, 0, 64)).toBe(25);
});
