// Distances are read as a person says them.

import { expect, test } from "vitest";
import { formatDistance } from "./format";

test("a distance is in metres up to a kilometre, in kilometres from there, and never a thousand metres", () => {
  expect([7.4, 99, 104, 994, 995, 1000, 1540, 9940, 12_300].map(formatDistance)).toEqual(["7 m", "99 m", "100 m", "990 m", "1 km", "1 km", "1.5 km", "9.9 km", "12 km"]);
});
