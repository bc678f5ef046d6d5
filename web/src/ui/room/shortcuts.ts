// Owns which key does what in a room.

export type Shortcut = "microphone" | "camera" | "share" | "hand" | "chat" | "people" | "talk" | "help" | "close";

/** What the list shows: the key's own name, or null where it is translated. */
export const SHORTCUTS: readonly { readonly shortcut: Shortcut; readonly key: string | null }[] = [
  { shortcut: "microphone", key: "M" },
  { shortcut: "talk", key: null },
  { shortcut: "camera", key: "V" },
  { shortcut: "share", key: "S" },
  { shortcut: "hand", key: "H" },
  { shortcut: "chat", key: "C" },
  { shortcut: "people", key: "P" },
  { shortcut: "help", key: "?" },
  { shortcut: "close", key: "Esc" },
];

/** The part of a KeyboardEvent that decides. */
export interface Key {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly isComposing: boolean;
}

/** What a key means, unless the person is typing. */
export function readShortcut(key: Key): Shortcut | null {
  if (key.ctrlKey || key.metaKey || key.altKey || key.isComposing) {
    return null;
  }
  switch (key.key.toLowerCase()) {
    case "m":
      return "microphone";
    case "v":
      return "camera";
    case "s":
      return "share";
    case "h":
      return "hand";
    case "c":
      return "chat";
    case "p":
      return "people";
    case " ":
      return "talk";
    case "?":
    // A Chinese input method may give the full-width sign.
    case "？":
      return "help";
    case "escape":
      return "close";
    default:
      return null;
  }
}

const TYPED_INTO = "input, textarea, select, [contenteditable]";

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(TYPED_INTO) !== null;
}

/** Whether the space bar presses what has the focus. */
export function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a[href], summary") !== null;
}
