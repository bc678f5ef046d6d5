// Owns the proofs of the rule for room names.

import { expect, test } from "vitest";
import { findRoomNameFault, isRoomName, suggestRoomName, tidyRoomName } from "./room-name";

test("letters, digits, hyphens, underscores and dots make a room name", () => {
  for (const name of ["a", "A-b_c.9", "..a", "a".repeat(64)]) {
    expect(isRoomName(name)).toBe(true);
    expect(findRoomNameFault(name)).toBeNull();
  }
});

test("every other name is refused with its reason", () => {
  expect(findRoomNameFault("")).toBe("empty");
  expect(findRoomNameFault("a".repeat(65))).toBe("too-long");
  expect(findRoomNameFault("..")).toBe("only-dots");
  expect(findRoomNameFault("a b")).toBe("characters");
  expect(findRoomNameFault("a/b")).toBe("characters");
  expect(findRoomNameFault("é")).toBe("characters");
  expect(isRoomName("a\n")).toBe(false);
});

test("spaces between words become hyphens", () => {
  expect(tidyRoomName("  our  daily call ")).toBe("our-daily-call");
});

test("whatever chance says, the suggestion is a room name", () => {
  for (const value of [0, 0.25, 0.5, 0.999999999]) {
    expect(isRoomName(suggestRoomName(() => value))).toBe(true);
  }
});
