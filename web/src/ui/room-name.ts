// Owns room names as the landing page sees them: the rule, and a readable suggestion.

const RULE = /^[A-Za-z0-9._-]{1,64}$/;
const ONLY_DOTS = /^\.+$/;

/** 1 to 64 ASCII letters, digits, `-`, `_`, `.`, and not only dots: the server's own rule. */
export function isRoomName(text: string): boolean {
  return RULE.test(text) && !ONLY_DOTS.test(text);
}

/** Why a room name is refused. */
export type RoomNameFault = "empty" | "too-long" | "characters" | "only-dots";

export function findRoomNameFault(text: string): RoomNameFault | null {
  if (text === "") {
    return "empty";
  }
  if (text.length > 64) {
    return "too-long";
  }
  if (ONLY_DOTS.test(text)) {
    return "only-dots";
  }
  return RULE.test(text) ? null : "characters";
}

/** Spaces are what people type between words; a room name says the same with hyphens. */
export function tidyRoomName(text: string): string {
  return text.trim().replace(/\s+/g, "-");
}

const MANNERS = ["amber", "blue", "brave", "bright", "calm", "clear", "cosy", "early", "fond", "fresh", "gentle", "glad", "golden", "green", "happy", "jolly", "keen", "kind", "light", "little", "lucky", "mellow", "merry", "mild", "neat", "quick", "quiet", "silver", "snowy", "sunny", "warm", "wise"] as const;
const ANIMALS = ["badger", "beaver", "crane", "curlew", "dolphin", "dove", "falcon", "finch", "fox", "hare", "heron", "ibex", "jay", "koala", "lark", "lynx", "magpie", "marten", "otter", "owl", "panda", "penguin", "puffin", "raven", "robin", "seal", "sparrow", "squirrel", "stork", "swan", "tiger", "wren"] as const;
const PLACES = ["bay", "beach", "bridge", "brook", "canyon", "cliff", "coast", "creek", "dune", "field", "forest", "garden", "glade", "grove", "harbour", "hill", "island", "lagoon", "lake", "meadow", "mountain", "orchard", "park", "peak", "pond", "prairie", "reef", "river", "shore", "spring", "valley", "woods"] as const;

/** A name such as `calm-otter-harbour-4821`: easy to say, and one of 300 million. `random` gives numbers from 0 to below 1. */
export function suggestRoomName(random: () => number): string {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? "";
  const number = 1000 + Math.floor(random() * 9000);
  return `${pick(MANNERS)}-${pick(ANIMALS)}-${pick(PLACES)}-${number}`;
}

/** For {@link suggestRoomName}: whoever guesses a room's name can come in, so Math.random will not do. */
export function secureRandom(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}
