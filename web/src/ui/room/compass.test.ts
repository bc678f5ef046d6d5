// Owns the proofs about directions.

import { expect, test } from "vitest";
import { nameDirection } from "./compass";

test("a bearing has the name of the nearest of eight directions", () => {
  expect([0, 22, 23, 90, 180, 225, 337, 338, 360, -45].map(nameDirection)).toEqual(["n", "n", "ne", "e", "s", "sw", "nw", "n", "n", "nw"]);
});
