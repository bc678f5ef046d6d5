// Owns how notices become sentences, and that they come at most once in two seconds.

import { assertNever } from "../../assert";
import type { Notice } from "../../room/state";
import type { Words } from "../words/en";

/** The sentences for notices that came close together: one for each kind, in the order of first coming. */
export function composeSentences(notices: readonly Notice[], w: Words, formatList: (items: readonly string[]) => string): string[] {
  const kinds = [...new Set(notices.map((notice) => notice.kind))];
  return kinds.flatMap((kind) => composeKind(kind, notices.filter((notice) => notice.kind === kind), w, formatList));
}

function composeKind(
  kind: Notice["kind"],
  notices: readonly Notice[],
  w: Words,
  formatList: (items: readonly string[]) => string,
): string[] {
  const names = [...new Set(notices.map((notice) => (notice.name === "" ? w.someone : notice.name)))];
  switch (kind) {
    case "joined":
      return [w.joinedNotice(formatList(names))];
    case "left":
      return [w.leftNotice(formatList(names))];
    case "hand":
      return [w.handNotice(formatList(names), names.length)];
    case "chat":
      return [w.chatNotice(formatList(names))];
    case "server-error":
      return unique(notices).map((text) => w.serverErrorNotice(text));
    case "device-lost":
      return unique(notices).map((text) => w.deviceLostNotice(text));
    case "share-failed":
      return [w.shareFailedNotice];
    case "unsent":
      return unique(notices).map((text) => w.unsentNotice(text));
    default:
      return assertNever(kind);
  }
}

function unique(notices: readonly Notice[]): string[] {
  return [...new Set(notices.map((notice) => notice.text ?? ""))];
}

/** Time, as far as a {@link Merger} needs it. */
export interface Clock {
  nowMs(): number;
  after(delayMs: number, task: () => void): () => void;
}

const BURST_MS = 250;
const INTERVAL_MS = 2000;

/** Collects notices and gives them out together: the first after a moment, the next not before two seconds have passed. */
export class Merger {
  readonly #clock: Clock;
  readonly #say: (notices: readonly Notice[]) => void;
  #waiting: Notice[] = [];
  #lastMs = -Infinity;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, say: (notices: readonly Notice[]) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  add(notices: readonly Notice[]): void {
    if (notices.length === 0) {
      return;
    }
    this.#waiting.push(...notices);
    this.#cancel ??= this.#clock.after(this.#delayMs(), () => this.#flush());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waiting = [];
  }

  #delayMs(): number {
    return Math.max(BURST_MS, this.#lastMs + INTERVAL_MS - this.#clock.nowMs());
  }

  #flush(): void {
    const notices = this.#waiting;
    this.#waiting = [];
    this.#cancel = null;
    this.#lastMs = this.#clock.nowMs();
    this.#say(notices);
  }
}
