// Owns the proofs about display names and initials.

import { expect, test } from "vitest";
import { findDisplayNameFault, hueIndex, initials } from "./display-name";

test("a name has one to 64 characters, counted as people count", () => {
  expect(findDisplayNameFault("  ")).toBe("empty");
  expect(findDisplayNameFault("李")).toBeNull();
  expect(findDisplayNameFault("🦔".repeat(64))).toBeNull();
  expect(findDisplayNameFault("🦔".repeat(65))).toBe("too-long");
});

test("characters that rewrite the text around a name are refused", () => {
  expect(findDisplayNameFault("a\u202eb")).toBe("characters");
  expect(findDisplayNameFault("a\u0007b")).toBe("characters");
});

test("initials are those of the first and last word", () => {
  expect(initials("Ana Maria Lindqvist")).toBe("AL");
  expect(initials("bo")).toBe("B");
  expect(initials("o'neil (host)")).toBe("OH");
});

test("of a name in Han characters the last two stand for it", () => {
  expect(initials("欧阳娜娜")).toBe("娜娜");
  expect(initials("李")).toBe("李");
});

test("a name without letters gives its first sign, none gives a question mark", () => {
  expect(initials("👩‍🚀!")).toBe("👩‍🚀");
  expect(initials("")).toBe("?");
});

test("a name has the same hue everywhere", () => {
  expect(hueIndex("Ana", 6)).toBe(hueIndex("Ana", 6));
  expect(hueIndex("Ana", 6)).toBeLessThan(6);
});
