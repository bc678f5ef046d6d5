// Owns how a text frame to the server is written.

import type { ClientMessage, ConnectionMessage } from "./types";

/** A message of the session with its number, and the id under which an error about it comes back. */
export interface ClientFrame {
  readonly seq: number;
  readonly id?: string;
  readonly message: ClientMessage;
}

/** Writes a numbered frame. */
export function encodeClientFrame(frame: ClientFrame): string {
  const id = frame.id === undefined ? {} : { id: frame.id };
  return JSON.stringify({ seq: frame.seq, ...id, ...frame.message });
}

/** Writes a frame about the connection, which has no number. */
export function encodeConnectionFrame(message: ConnectionMessage): string {
  return JSON.stringify(message);
}
