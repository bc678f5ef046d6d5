import { expect, test } from "vitest";
import { gradeOf } from "./quality";

test.each([
  [100, "good"],
  [75, "good"],
  [74, "fair"],
  [45, "fair"],
  [44, "poor"],
  [0, "poor"],
])("a score of %i is %s", (score, grade) => {
  expect(gradeOf({ score, reasons: [] })).toBe(grade);
});

test("what is not measured has no grade", () => {
  expect(gradeOf(null)).toBe(null);
});
