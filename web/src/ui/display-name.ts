// Owns display names: the server's rule, and the initials that stand for a face.

const CHARS_MAX = 64;
// Control characters, and direction overrides that would rewrite the text around a name.
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Why a name is refused. */
export type DisplayNameFault = "empty" | "too-long" | "characters";

export function findDisplayNameFault(text: string): DisplayNameFault | null {
  const name = text.trim();
  if (name === "") {
    return "empty";
  }
  if (Array.from(name).length > CHARS_MAX) {
    return "too-long";
  }
  return HARMFUL.test(name) ? "characters" : null;
}

const HAN = /^\p{Script=Han}+$/u;

/** One or two characters: the first and last word's first letters; of a name in Han characters the last two, as is usual. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = words[0];
  if (first === undefined) {
    return firstGrapheme(name.trim()) || "?";
  }
  if (words.length === 1 && HAN.test(first)) {
    return Array.from(first).slice(-2).join("");
  }
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (firstLetter(first) + (last === undefined ? "" : firstLetter(last))).toLocaleUpperCase();
}

/** One of `count` hues, the same for a name on every page. */
export function hueIndex(name: string, count: number): number {
  let sum = 0;
  for (const character of name) {
    sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  }
  return sum % count;
}

function firstLetter(word: string): string {
  return /[\p{L}\p{N}]/u.exec(word)?.[0] ?? "";
}

function firstGrapheme(text: string): string {
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    return segment;
  }
  return "";
}
