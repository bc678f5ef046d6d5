// Owns the client's numbered frames from sending to acknowledgement.

import { encodeClientFrame } from "../protocol/encode";
import type { ClientMessage } from "../protocol/types";

/** Frames kept at most; one more is refused, and the caller tells the person. */
const FRAMES_MAX = 1024;
/** UTF-16 units kept at most; one more is refused likewise. */
const UNITS_MAX = 1024 * 1024;

interface Kept {
  readonly seq: number;
  readonly message: ClientMessage;
  readonly frame: string;
}

export class Outbox {
  #kept: Kept[] = [];
  #units = 0;
  #next = 1;

  /** Numbers and keeps a message; returns the frame to send, or null at the bound. */
  push(message: ClientMessage): string | null {
    const seq = this.#next;
    // The id comes back in an error: it says what was refused.
    const frame = encodeClientFrame({ seq, id: `${message.type}-${String(seq)}`, message });
    if (this.#kept.length >= FRAMES_MAX || this.#units + frame.length > UNITS_MAX) {
      return null;
    }
    this.#next += 1;
    this.#units += frame.length;
    this.#kept.push({ seq, message, frame });
    return frame;
  }

  /** The server has everything up to this number. */
  acknowledge(seq: number): void {
    const count = this.#kept.findIndex((kept) => kept.seq > seq);
    for (const kept of this.#kept.splice(0, count === -1 ? this.#kept.length : count)) {
      this.#units -= kept.frame.length;
    }
  }

  /** The frames that the server may not have, in order. */
  frames(): readonly string[] {
    return this.#kept.map((kept) => kept.frame);
  }

  /** Starts anew after `received`; returns what had been kept. */
  restart(received: number): readonly ClientMessage[] {
    const lost = this.#kept.map((kept) => kept.message);
    this.#kept = [];
    this.#units = 0;
    this.#next = received + 1;
    return lost;
  }
}
