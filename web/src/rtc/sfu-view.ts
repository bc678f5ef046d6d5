// Owns what the page tells the server that it shows: the last picture of it counts, and not every flutter is told.

import type { Shown } from "../protocol/types";
import type { Visible } from "../room/meeting";

/** What goes with one frame at most. */
const SHOWN_MAX = 64;
/** Tiles move for a while when somebody comes or a window is resized. */
const SETTLE_MS = 120;
/** Who only looks something up in another tab would otherwise come back to avatars. */
const HIDDEN_MS = 5000;
/** What a server supposes that has been told nothing. */
const NOTHING = "[]";
const PIXELS_MAX = 65_535;

/** What to ask the server for, of what is seen, in its order. */
export function chooseShown(seen: readonly Visible[]): readonly Shown[] {
  return seen
    .filter(({ width, height }) => width > 0 && height > 0)
    .slice(0, SHOWN_MAX)
    .map((visible) => ({ ...visible, width: pixels(visible.width), height: pixels(visible.height) }));
}

function pixels(length: number): number {
  return Math.min(PIXELS_MAX, Math.max(1, Math.round(length)));
}

export interface ViewWorld {
  after(delayMs: number, task: () => void): () => void;
}

export class SfuView {
  readonly #world: ViewWorld;
  readonly #tell: (videos: readonly Shown[]) => void;
  #shown: readonly Shown[] = [];
  #hidden = false;
  #told = NOTHING;
  #cancel: (() => void) | null = null;
  #cancelHide: (() => void) | null = null;

  constructor(world: ViewWorld, tell: (videos: readonly Shown[]) => void) {
    this.#world = world;
    this.#tell = tell;
  }

  show(seen: readonly Visible[]): void {
    this.#shown = chooseShown(seen);
    this.#cancel ??= this.#world.after(SETTLE_MS, () => {
      this.#cancel = null;
      this.#update();
    });
  }

  /** The page can be seen, or not. */
  setHidden(hidden: boolean): void {
    this.#cancelHide?.();
    this.#cancelHide = null;
    if (hidden) {
      this.#cancelHide = this.#world.after(HIDDEN_MS, () => {
        this.#hidden = true;
        this.#update();
      });
    } else {
      this.#hidden = false;
      this.#update();
    }
  }

  /** The server knows nothing: tells it all again. */
  repeat(): void {
    this.#told = NOTHING;
    this.#update();
  }

  close(): void {
    this.#cancel?.();
    this.#cancelHide?.();
  }

  #update(): void {
    const videos = this.#hidden ? [] : this.#shown;
    const text = JSON.stringify(videos);
    if (text !== this.#told) {
      this.#told = text;
      this.#tell(videos);
    }
  }
}
