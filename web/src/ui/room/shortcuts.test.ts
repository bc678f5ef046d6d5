// Owns the proofs about the keyboard.

import { expect, test } from "vitest";
import { readShortcut, SHORTCUTS } from "./shortcuts";

const key = (name: string, changes: object = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...changes });

test("each key of the list does what the list says", () => {
  const keys: Record<string, string> = { Esc: "Escape" };
  for (const { shortcut, key: name } of SHORTCUTS) {
    expect(readShortcut(key(name === null ? " " : (keys[name] ?? name)))).toBe(shortcut);
  }
});

test("capitals count too", () => {
  expect(readShortcut(key("M"))).toBe("microphone");
  expect(readShortcut(key("m"))).toBe("microphone");
});

test("combinations belong to the browser, and composing to the input method", () => {
  expect(readShortcut(key("c", { ctrlKey: true }))).toBeNull();
  expect(readShortcut(key("v", { metaKey: true }))).toBeNull();
  expect(readShortcut(key("h", { altKey: true }))).toBeNull();
  expect(readShortcut(key("m", { isComposing: true }))).toBeNull();
  expect(readShortcut(key("x"))).toBeNull();
});
