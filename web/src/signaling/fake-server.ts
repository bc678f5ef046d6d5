// Owns a server for tests: one room's session rules over sockets that can be cut, under a clock that the test moves.

import type { Socket, SocketEvents, World } from "./world";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
}

/** Virtual time: nothing happens unless the test lets time pass. */
export class FakeTime {
  nowMs = 0;
  #order = 0;
  #timers: Timer[] = [];

  after(delayMs: number, task: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, order: (this.#order += 1), task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  pass(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= end);
      const next = due.reduce<Timer | null>(
        (first, timer) =>
          first === null || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order) ? timer : first,
        null,
      );
      if (next === null) {
        break;
      }
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.nowMs = next.atMs;
      next.task();
    }
    this.nowMs = end;
  }
}

/** A small generator with a seed (mulberry32), so that a failing run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Wire {
  readonly events: SocketEvents;
  up: boolean;
  /** The client has closed it: what it sent before still arrives, as with a real WebSocket. */
  deaf: boolean;
}

type Json = Record<string, unknown>;

const TOKEN = "token";
const PRESENCE = { hand: false, muted: false, camera_off: false, sharing: false, away: false };

export function member(id: string, more: Json = {}): Json {
  return { id, name: `name of ${id}`, epoch: 1, capabilities: ["webrtc"], presence: PRESENCE, ...more };
}

/** A server that knows one session. Everything that it is told is in `heard`, numbered frames once each in `taken`. */
export class FakeServer implements World {
  readonly heard: Json[] = [];
  readonly taken: Json[] = [];
  selfId = "00000000000000a1";
  latencyMs = 10;
  reachable = true;
  /** While false, nothing is answered and nothing arrives, but no connection breaks. */
  answering = true;
  connections = 0;
  #wire: Wire | null = null;
  #session: { received: number; sent: { seq: number; text: string }[]; next: number } | null = null;

  readonly random: () => number;
  readonly #time: FakeTime;

  constructor(time: FakeTime, random: () => number) {
    this.#time = time;
    this.random = random;
  }

  nowMs(): number {
    return this.#time.nowMs;
  }

  after(delayMs: number, task: () => void): () => void {
    return this.#time.after(delayMs, task);
  }

  open(events: SocketEvents): Socket {
    const wire: Wire = { events, up: true, deaf: false };
    this.connections += 1;
    this.#time.after(this.latencyMs, () => {
      if (!wire.up || wire.deaf) {
        return;
      }
      if (this.reachable) {
        events.opened();
      } else {
        wire.up = false;
        events.closed(1006);
      }
    });
    return {
      send: (frame) => {
        if (typeof frame === "string") {
          this.#time.after(this.latencyMs, () => {
            if (wire.up && this.answering) {
              this.#handle(wire, JSON.parse(frame) as Json);
            }
          });
        }
      },
      close: () => {
        wire.deaf = true;
      },
    };
  }

  /** Breaks the connection; what is on its way in either direction is lost. */
  cut(code = 1006): void {
    const wire = this.#wire;
    if (wire?.up === true && !wire.deaf) {
      wire.up = false;
      wire.events.closed(code);
    }
  }

  /** Closes after what is on its way. */
  close(code: number): void {
    const wire = this.#wire;
    this.#time.after(this.latencyMs, () => {
      if (wire?.up === true && !wire.deaf) {
        wire.up = false;
        wire.events.closed(code);
      }
    });
  }

  /** Forgets the session, as after a restart. */
  forget(selfId: string): void {
    this.#session = null;
    this.selfId = selfId;
  }

  /** Sends a numbered frame, now or with the next resume. */
  say(message: Json): void {
    if (this.#session === null) {
      throw new Error("no session");
    }
    const seq = this.#session.next;
    this.#session.next += 1;
    const text = JSON.stringify({ seq, ...message });
    this.#session.sent.push({ seq, text });
    this.#write(this.#wire, text);
  }

  /** Sends a frame about the connection. */
  tell(message: Json): void {
    this.#write(this.#wire, JSON.stringify(message));
  }

  /** Frames that the client has not acknowledged. */
  get kept(): number {
    return this.#session?.sent.length ?? 0;
  }

  /** What a hello gets instead of a welcome. */
  refusal: { code: string; message: string } | null = null;
  /** What a welcome tells besides. */
  welcome: Json = {};

  #write(wire: Wire | null, text: string): void {
    this.#time.after(this.latencyMs, () => {
      if (wire?.up === true && !wire.deaf && this.answering) {
        wire.events.text(text);
      }
    });
  }

  #handle(wire: Wire, frame: Json): void {
    this.heard.push(frame);
    if (frame["type"] === "hello") {
      this.#wire = wire;
      this.#greet(wire, frame);
      return;
    }
    const session = this.#session;
    if (session === null || wire !== this.#wire) {
      return;
    }
    const { type, seq, received } = frame;
    if (type === "ack") {
      session.sent = session.sent.filter((sent) => sent.seq > Number(received));
    } else if (type === "ping") {
      this.#write(wire, JSON.stringify({ type: "pong" }));
    } else if (typeof seq === "number" && seq === session.received + 1) {
      session.received = seq;
      this.taken.push(frame);
      if (seq % 32 === 0) {
        this.#write(wire, JSON.stringify({ type: "ack", received: seq }));
      }
    } else if (typeof seq === "number" && seq > session.received + 1) {
      throw new Error(`gap: ${String(seq)} after ${String(session.received)}`);
    }
  }

  #greet(wire: Wire, hello: Json): void {
    if (this.refusal !== null) {
      this.#write(wire, JSON.stringify({ type: "error", ...this.refusal }));
      this.close(4004);
      return;
    }
    const resume = hello["resume"] as { token: string; seq?: number } | undefined;
    const grant = { token: TOKEN, grace_ms: 30_000 };
    const seq = resume?.seq;
    if (this.#session !== null && resume?.token === TOKEN && seq !== undefined) {
      this.#write(wire, JSON.stringify({ type: "resumed", received: this.#session.received, resume: grant }));
      this.#session.sent = this.#session.sent.filter((sent) => sent.seq > seq);
      for (const { text } of this.#session.sent) {
        this.#write(wire, text);
      }
      return;
    }
    const received = this.#session !== null && resume?.token === TOKEN ? this.#session.received : 0;
    this.#session = { received, sent: [], next: 1 };
    this.#write(
      wire,
      JSON.stringify({
        type: "welcome",
        room: "r",
        self: member(this.selfId, { name: hello["name"], presence: hello["presence"] ?? PRESENCE }),
        roster: { version: 1, members: [] },
        chat: [],
        ice: { ice_servers: [] },
        policy: { media: "auto", members_max: 16 },
        limits: { text_frame_bytes: 131072, chat_bytes: 8192, bus_bytes: 65536, frames_per_second: 100 },
        resume: grant,
        received,
        now_ms: 0,
        ...this.welcome,
      }),
    );
  }
}
