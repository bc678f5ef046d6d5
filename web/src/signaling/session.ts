// Owns the standing with the server over any number of WebSockets: hello, numbers, acknowledgement, resume, back-off.

import { assertNever } from "../assert";
import { decodeBusFrame, type BusFrame } from "../protocol/binary";
import { decodeServerFrame } from "../protocol/decode";
import { encodeConnectionFrame } from "../protocol/encode";
import {
  CLOSE_CODE,
  type ClientMessage,
  type ConnectionMessage,
  type ErrorCode,
  type Hello,
  type ServerMessage,
  type Welcome,
} from "../protocol/types";
import { backoffMs } from "./backoff";
import { Outbox } from "./outbox";
import type { Socket, World } from "./world";

const ACK_EVERY = 32;
const ACK_IDLE_MS = 1000;
const SILENCE_MS = 15_000;
const PONG_MS = 10_000;
/** After a sign that the network changed, an answer has to come sooner. */
const NUDGED_PONG_MS = 4000;
const HELLO_MS = 10_000;
/** How long to go on trying to say that one has left; by then the server mostly has forgotten the session. */
const FAREWELL_MS = 30_000;

/** Where the session stands, for the person. */
export type Standing =
  | { kind: "joining"; attempt?: number }
  | { kind: "connected" }
  | { kind: "reconnecting"; sinceMs: number; attempt: number; retryAtMs: number }
  | { kind: "ended"; reason: Ending };

export type Ending =
  | { kind: "left" }
  | { kind: "replaced" }
  | { kind: "refused"; code: ErrorCode; message: string };

/** What the server says within a session, without what is about the connection only. */
export type SessionMessage = Exclude<ServerMessage, { type: "welcome" | "resumed" | "ack" | "pong" | "bye" }>;

export interface SessionEvents {
  standing(standing: Standing): void;
  /** Everything known is void. `lost` was sent, and as far as can be known not received. */
  welcomed(welcome: Welcome, lost: readonly ClientMessage[]): void;
  /** The session goes on where it was. */
  resumed(): void;
  message(message: SessionMessage): void;
  bus(frame: BusFrame): void;
  /** The token that speaks for this participant from now on; null when the session is over. */
  token(token: string | null): void;
}

/** What the hello says at the time. */
export type Introduction = Pick<Hello, "room" | "name" | "capabilities" | "presence">;

/** Where the connection stands. `greeting`: the socket is there or coming, the server has not answered the hello. */
type Phase =
  | { kind: "idle" }
  | { kind: "greeting"; socket: Socket; cancel: () => void }
  | { kind: "open"; socket: Socket; cancel: () => void }
  | { kind: "waiting"; cancel: () => void }
  | { kind: "over" };

export class Session {
  readonly #world: World;
  readonly #events: SessionEvents;
  readonly #introduce: () => Introduction;
  readonly #outbox = new Outbox();
  #phase: Phase = { kind: "idle" };
  #token: string | null;
  /** Where this page stands: the epoch of its welcome and the last server frame handled; null before the first welcome. */
  #at: { readonly epoch: number; seq: number } | null = null;
  /** Connections since that welcome. */
  #connections = 0;
  #unacknowledged = 0;
  #cancelAck: (() => void) | null = null;
  #heardMs = 0;
  #pingedMs: number | null = null;
  #attempt = 0;
  #lostSinceMs: number | null = null;
  #notBeforeMs = 0;
  /** When to give up saying that one has left; null while one has not. */
  #farewellMs: number | null = null;
  #refusal: { code: ErrorCode; message: string } | null = null;

  constructor(world: World, introduce: () => Introduction, token: string | null, events: SessionEvents) {
    this.#world = world;
    this.#introduce = introduce;
    this.#token = token;
    this.#events = events;
  }

  start(): void {
    if (this.#phase.kind === "idle") {
      this.#events.standing({ kind: "joining" });
      this.#connect();
    }
  }

  /** Sends a message, now or when the session goes on; false at the bound of what is kept: then it was not taken. */
  send(message: ClientMessage): boolean {
    if (this.#phase.kind === "over" || this.#farewellMs !== null) {
      return false;
    }
    const frame = this.#outbox.push(message);
    if (frame !== null && this.#phase.kind === "open") {
      this.#phase.socket.send(frame);
    }
    return frame !== null;
  }

  /** The network or the page may be back: tries at once, or makes sure that the connection is alive. */
  nudge(): void {
    const now = this.#world.nowMs();
    if (this.#phase.kind === "waiting" && now >= this.#notBeforeMs) {
      this.#phase.cancel();
      this.#connect();
    } else if (this.#phase.kind === "open" && this.#pingedMs === null) {
      this.#ping(this.#phase.socket);
      this.#watch(NUDGED_PONG_MS);
    }
  }

  /** Leaves for good. When the server is away, it is told as soon as it is back. */
  leave(): void {
    if (this.#phase.kind === "open") {
      this.#tell(this.#phase.socket, { type: "leave" });
      this.#end({ kind: "left" });
    } else if (this.#phase.kind !== "over" && this.#farewellMs === null) {
      this.#farewellMs = this.#world.nowMs() + FAREWELL_MS;
      this.#events.token(null);
      this.#events.standing({ kind: "ended", reason: { kind: "left" } });
    }
  }

  /** Drops the connection and says nothing more; the server keeps the session for its grace time. */
  abandon(): void {
    if (this.#farewellMs === null) {
      this.#closeSocket();
      this.#phase = { kind: "over" };
    }
  }

  #connect(): void {
    const current = (): boolean => this.#phase.kind !== "over" && "socket" in this.#phase && this.#phase.socket === socket;
    const socket = this.#world.open({
      opened: () => {
        this.#tell(socket, { type: "hello", ...this.#introduce(), ...this.#resume() });
      },
      text: (frame) => {
        if (current()) {
          this.#handleText(frame);
        }
      },
      bytes: (frame) => {
        if (current()) {
          this.#handleBytes(frame);
        }
      },
      closed: (code) => {
        if (current()) {
          this.#handleClose(code);
        }
      },
    });
    const cancel = this.#world.after(HELLO_MS, () => {
      this.#lose();
    });
    this.#connections += 1;
    this.#refusal = null;
    this.#phase = { kind: "greeting", socket, cancel };
  }

  #resume(): Pick<Hello, "resume"> {
    if (this.#token === null) {
      return {};
    }
    return { resume: { token: this.#token, ...(this.#at === null ? {} : { ...this.#at, attempt: this.#connections }) } };
  }

  #tell(socket: Socket, message: ConnectionMessage): void {
    socket.send(encodeConnectionFrame(message));
  }

  #handleText(text: string): void {
    this.#heard();
    const decoded = decodeServerFrame(text);
    switch (decoded.kind) {
      case "frame":
        if (this.#isNew(decoded.frame.seq)) {
          this.#count(decoded.frame.seq);
          this.#handleMessage(decoded.frame.message);
        }
        return;
      case "unknown":
      case "broken":
        // Skipped, but counted: a resume that asked for it again would never end.
        if (this.#isNew(decoded.seq)) {
          this.#count(decoded.seq);
        }
        return;
      default:
        assertNever(decoded);
    }
  }

  #handleBytes(bytes: Uint8Array): void {
    this.#heard();
    const decoded = decodeBusFrame(bytes);
    const seq = decoded.kind === "frame" ? decoded.frame.seq : decoded.seq;
    if (this.#isNew(seq)) {
      this.#count(seq);
      if (decoded.kind === "frame") {
        this.#events.bus(decoded.frame);
      }
    }
  }

  /** False for a repetition. A gap cannot be mended by going on: the resume brings what is missing. */
  #isNew(seq: number | null): boolean {
    if (seq === null) {
      return true;
    }
    const expected = (this.#at?.seq ?? 0) + 1;
    if (seq > expected) {
      this.#lose();
    }
    return seq === expected;
  }

  /** Before it is handled: a frame that makes the page stumble must not come again with every resume. */
  #count(seq: number | null): void {
    if (seq === null || this.#at === null) {
      return;
    }
    this.#at.seq = seq;
    this.#unacknowledged += 1;
    if (this.#unacknowledged >= ACK_EVERY) {
      this.#acknowledge();
    } else {
      this.#cancelAck ??= this.#world.after(ACK_IDLE_MS, () => {
        this.#acknowledge();
      });
    }
  }

  #acknowledge(): void {
    this.#cancelAck?.();
    this.#cancelAck = null;
    this.#unacknowledged = 0;
    if (this.#phase.kind === "open" && this.#at !== null) {
      this.#tell(this.#phase.socket, { type: "ack", received: this.#at.seq });
    }
  }

  #handleMessage(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        if (this.#farewell([])) {
          return;
        }
        this.#opened(message.resume.token);
        this.#at = { epoch: message.self.epoch, seq: 0 };
        this.#connections = 0;
        // A new participant starts at 0; the same one, taken over, goes on where the server stands.
        this.#outbox.acknowledge(message.received);
        this.#events.welcomed(message, this.#outbox.restart(message.received));
        return;
      case "resumed":
        this.#outbox.acknowledge(message.received);
        if (this.#farewell(this.#outbox.frames())) {
          return;
        }
        this.#opened(message.resume.token);
        this.#repeat();
        this.#events.resumed();
        return;
      case "ack":
        this.#outbox.acknowledge(message.received);
        return;
      case "pong":
        return;
      case "bye":
        this.#notBeforeMs = this.#world.nowMs() + message.retry_after_ms;
        return;
      case "error":
        if (this.#phase.kind === "greeting") {
          this.#refusal = { code: message.code, message: message.message };
          return;
        }
        this.#events.message(message);
        return;
      case "joined":
      case "left":
      case "changed":
      case "presence":
      case "location":
      case "signal":
      case "chat":
      case "bus":
      case "ice_servers":
      case "sfu_answer":
      case "sfu_slots":
      case "sfu_sends":
      case "sfu_speakers":
      case "sfu_quality":
      case "sfu_state":
        this.#events.message(message);
        return;
      default:
        assertNever(message);
    }
  }

  #opened(token: string): void {
    if (this.#phase.kind !== "greeting") {
      return;
    }
    this.#phase.cancel();
    this.#phase = { kind: "open", socket: this.#phase.socket, cancel: () => undefined };
    this.#attempt = 0;
    this.#lostSinceMs = null;
    this.#token = token;
    this.#events.token(token);
    this.#watch(SILENCE_MS);
    this.#events.standing({ kind: "connected" });
  }

  /** Whether this connection was only there to leave, after what had still to be said. */
  #farewell(frames: readonly string[]): boolean {
    if (this.#farewellMs === null || this.#phase.kind !== "greeting") {
      return false;
    }
    for (const frame of frames) {
      this.#phase.socket.send(frame);
    }
    this.#tell(this.#phase.socket, { type: "leave" });
    this.#closeSocket();
    this.#phase = { kind: "over" };
    return true;
  }

  #repeat(): void {
    for (const frame of this.#outbox.frames()) {
      if (this.#phase.kind === "open") {
        this.#phase.socket.send(frame);
      }
    }
  }

  #heard(): void {
    this.#heardMs = this.#world.nowMs();
    this.#pingedMs = null;
  }

  #ping(socket: Socket): void {
    this.#pingedMs = this.#world.nowMs();
    this.#tell(socket, { type: "ping" });
  }

  /** Looks again after a while; a page in the background may be woken much later than it asked. */
  #watch(delayMs: number): void {
    if (this.#phase.kind !== "open") {
      return;
    }
    const { socket } = this.#phase;
    this.#phase.cancel();
    this.#phase.cancel = this.#world.after(delayMs, () => {
      const now = this.#world.nowMs();
      if (this.#pingedMs !== null) {
        this.#lose();
      } else if (now - this.#heardMs >= SILENCE_MS) {
        this.#ping(socket);
        this.#watch(PONG_MS);
      } else {
        this.#watch(this.#heardMs + SILENCE_MS - now);
      }
    });
  }

  #handleClose(code: number): void {
    if (code === CLOSE_CODE.replaced) {
      this.#end({ kind: "replaced" });
    } else if (code === CLOSE_CODE.refused) {
      this.#handleRefusal(this.#refusal ?? { code: "unknown", message: "" });
    } else {
      this.#lose();
    }
  }

  #handleRefusal(refusal: { code: ErrorCode; message: string }): void {
    if (refusal.code === "shutting_down") {
      this.#lose();
    } else if (refusal.code === "resume_mismatch" && this.#token !== null) {
      // The token is of another room: come as someone new.
      this.#token = null;
      this.#at = null;
      this.#events.token(null);
      this.#lose();
    } else {
      this.#end({ kind: "refused", ...refusal });
    }
  }

  /** The connection is gone; comes back after a while. */
  #lose(): void {
    this.#closeSocket();
    const now = this.#world.nowMs();
    if (this.#farewellMs !== null && now >= this.#farewellMs) {
      this.#phase = { kind: "over" };
      return;
    }
    const wait = backoffMs(this.#attempt, this.#world.random());
    const retryAtMs = Math.max(now + wait, this.#notBeforeMs);
    this.#attempt += 1;
    this.#lostSinceMs ??= now;
    this.#phase = {
      kind: "waiting",
      cancel: this.#world.after(retryAtMs - now, () => {
        this.#connect();
      }),
    };
    if (this.#farewellMs !== null) {
      return;
    }
    this.#events.standing(
      this.#at === null
        ? { kind: "joining", attempt: this.#attempt }
        : { kind: "reconnecting", sinceMs: this.#lostSinceMs, attempt: this.#attempt, retryAtMs },
    );
  }

  #end(reason: Ending): void {
    if (this.#phase.kind === "over") {
      return;
    }
    this.#closeSocket();
    this.#phase = { kind: "over" };
    if (this.#farewellMs === null) {
      this.#events.token(null);
      this.#events.standing({ kind: "ended", reason });
    }
  }

  #closeSocket(): void {
    this.#cancelAck?.();
    this.#cancelAck = null;
    this.#unacknowledged = 0;
    this.#pingedMs = null;
    if ("cancel" in this.#phase) {
      this.#phase.cancel();
    }
    if ("socket" in this.#phase) {
      this.#phase.socket.close();
    }
  }
}
