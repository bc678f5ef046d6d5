// Owns the binary frame: a bus message whose payload is bytes. Layout: see BusFrame in ../../../src/protocol/binary.rs.

import type { ErrorCode, ParticipantId } from "./types";

const HEADER_BYTES = 20;
const VERSION = 1;
const KIND_BUS = 1;
const FLAG_DIRECT = 1;
const FLAG_LATEST = 2;
const BUS_BYTES_MAX = 65_536;
const TOPIC = /^[A-Za-z0-9\-_.:/]{1,64}$/;

export interface BusFrame {
  /** Null: not numbered. */
  readonly seq: number | null;
  /** From a client: the receiver, null = all. From the server: the sender. */
  readonly peer: ParticipantId | null;
  /** It goes to one participant only. */
  readonly direct: boolean;
  /** Only the last value matters. */
  readonly latest: boolean;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export type DecodedBus =
  | { readonly kind: "frame"; readonly frame: BusFrame }
  | { readonly kind: "broken"; readonly code: ErrorCode; readonly seq: number | null };

/** Reads a binary frame; the payload is a view into `bytes`, not a copy. Never throws. */
export function decodeBusFrame(bytes: Uint8Array): DecodedBus {
  if (bytes.length < HEADER_BYTES) {
    return { kind: "broken", code: "bad_frame", seq: null };
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (header.getUint8(0) !== VERSION || header.getUint8(1) !== KIND_BUS) {
    return { kind: "broken", code: "bad_frame", seq: null };
  }
  const flags = header.getUint8(2);
  const seq = Number(header.getBigUint64(4));
  const peer = header.getBigUint64(12);
  const broken = (code: ErrorCode): DecodedBus => ({ kind: "broken", code, seq: seq === 0 ? null : seq });
  const direct = (flags & FLAG_DIRECT) !== 0;
  const start = HEADER_BYTES + header.getUint8(3);
  const knownFlags = (flags & ~(FLAG_DIRECT | FLAG_LATEST)) === 0;
  if (!knownFlags || !Number.isSafeInteger(seq) || (direct && peer === 0n) || bytes.length < start) {
    return broken("bad_frame");
  }
  const topic = String.fromCharCode(...bytes.subarray(HEADER_BYTES, start));
  if (!TOPIC.test(topic)) {
    return broken("bad_topic");
  }
  const payload = bytes.subarray(start);
  if (payload.length > BUS_BYTES_MAX) {
    return broken("too_large");
  }
  return {
    kind: "frame",
    frame: {
      seq: seq === 0 ? null : seq,
      peer: peer === 0n ? null : peer.toString(16).padStart(16, "0"),
      direct,
      latest: (flags & FLAG_LATEST) !== 0,
      topic,
      payload,
    },
  };
}

/** Writes a binary frame. The topic and the size are the caller's to keep to the limits. */
export function encodeBusFrame(frame: BusFrame): Uint8Array {
  const topic = new TextEncoder().encode(frame.topic);
  const bytes = new Uint8Array(HEADER_BYTES + topic.length + frame.payload.length);
  const header = new DataView(bytes.buffer);
  header.setUint8(0, VERSION);
  header.setUint8(1, KIND_BUS);
  header.setUint8(2, (frame.direct ? FLAG_DIRECT : 0) | (frame.latest ? FLAG_LATEST : 0));
  header.setUint8(3, topic.length);
  header.setBigUint64(4, BigInt(frame.seq ?? 0));
  header.setBigUint64(12, frame.peer === null ? 0n : BigInt(`0x${frame.peer}`));
  bytes.set(topic, HEADER_BYTES);
  bytes.set(frame.payload, HEADER_BYTES + topic.length);
  return bytes;
}
