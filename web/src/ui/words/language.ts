// Owns which language the page speaks: the browser's, until the person chooses another one.

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { recall, remember } from "../preferences";
import { en, type Words } from "./en";
import { zhCn } from "./zh-cn";

export type Language = "en" | "zh-CN";

/** Every language in its own words, for the person who cannot read the present one. */
export const LANGUAGES: readonly { readonly language: Language; readonly label: string }[] = [
  { language: "en", label: "English" },
  { language: "zh-CN", label: "简体中文" },
];

const DICTIONARIES: Readonly<Record<Language, Words>> = { en, "zh-CN": zhCn };

/** The first of `wanted` (as in `navigator.languages`) that the page speaks; English if none. */
export function chooseLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "zh") {
      return "zh-CN";
    }
    if (primary === "en") {
      return "en";
    }
  }
  return "en";
}

const chosen = signal<Language>(readLanguage());

export const language: ReadonlySignal<Language> = chosen;

/** The words of the present language. */
export const words: ReadonlySignal<Words> = computed(() => DICTIONARIES[chosen.value]);

/** For numbers and times: the person's own variant of the language, e.g. `en-GB` with its 24 hours. */
export const formatLocale: ReadonlySignal<string> = computed(() => {
  const primary = chosen.value.split("-")[0] ?? chosen.value;
  return browserLanguages().find((tag) => tag.toLowerCase().split("-")[0] === primary) ?? chosen.value;
});

export function setLanguage(next: Language): void {
  chosen.value = next;
  remember("language", next);
}

function readLanguage(): Language {
  const remembered = recall("language");
  return LANGUAGES.find((entry) => entry.language === remembered)?.language ?? chooseLanguage(browserLanguages());
}

function browserLanguages(): readonly string[] {
  return typeof navigator === "undefined" ? [] : navigator.languages;
}
