// Owns the proofs that every language says everything, in its own words.

import { expect, test } from "vitest";
import { en } from "./en";
import { chooseLanguage } from "./language";
import { zhCn } from "./zh-cn";

function listKeys(messages: object, path = ""): string[] {
  return Object.entries(messages).flatMap(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null ? listKeys(value, `${path}${key}.`) : [`${path}${key}`],
  );
}

function listTexts(messages: object): string[] {
  return Object.values(messages).flatMap((value: unknown) =>
    typeof value === "string" ? [value] : typeof value === "object" && value !== null ? listTexts(value) : [],
  );
}

test("both languages have the same keys", () => {
  expect(listKeys(zhCn).sort()).toEqual(listKeys(en).sort());
});

test("no text is empty", () => {
  for (const text of [...listTexts(en), ...listTexts(zhCn)]) {
    expect(text.trim()).not.toBe("");
  }
});

test("every Chinese text has Chinese in it, but for punctuation and names", () => {
  for (const text of listTexts(zhCn)) {
    expect(text).toMatch(/\p{Script=Han}/u);
  }
});

test("the first language that both the browser and the page know is chosen", () => {
  expect(chooseLanguage(["sv-SE", "zh-Hans-SG", "en"])).toBe("zh-CN");
  expect(chooseLanguage(["en-GB", "zh"])).toBe("en");
  expect(chooseLanguage(["sv"])).toBe("en");
  expect(chooseLanguage([])).toBe("en");
});
