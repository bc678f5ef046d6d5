// The session's rules against a server that cuts connections, under virtual time.

import { expect, test } from "vitest";
import type { ClientMessage, Welcome } from "../protocol/types";
import { backoffMs } from "./backoff";
import { FakeServer, FakeTime, member, seeded } from "./fake-server";
import { Session, type SessionMessage, type Standing } from "./session";

const BO = "00000000000000b2";

interface Seen {
  readonly standings: Standing[];
  readonly welcomes: { welcome: Welcome; lost: readonly ClientMessage[] }[];
  readonly messages: SessionMessage[];
  readonly tokens: (string | null)[];
  resumed: number;
}

function meet(seed = 1, token: string | null = null): { server: FakeServer; session: Session; seen: Seen; time: FakeTime } {
  const time = new FakeTime();
  const server = new FakeServer(time, seeded(seed));
  const seen: Seen = { standings: [], welcomes: [], messages: [], tokens: [], resumed: 0 };
  const session = new Session(server, () => ({ room: "r", name: "Ann", capabilities: ["webrtc"] }), token, {
    standing: (standing) => seen.standings.push(standing),
    welcomed: (welcome, lost) => seen.welcomes.push({ welcome, lost }),
    resumed: () => (seen.resumed += 1),
    message: (message) => seen.messages.push(message),
    bus: () => undefined,
    token: (granted) => seen.tokens.push(granted),
  });
  session.start();
  return { server, session, seen, time };
}

const chat = (number: number) => ({
  type: "chat",
  message: { number, from: BO, name: "Bo", at_ms: 0, text: String(number) },
});

const last = <T>(items: readonly T[]): T | undefined => items[items.length - 1];

test("a session is joined, then connected", () => {
  const { time, seen, server } = meet();
  time.pass(100);
  expect(seen.standings).toEqual([{ kind: "joining" }, { kind: "connected" }]);
  expect(seen.tokens).toEqual(["token"]);
  expect(server.heard[0]).toEqual({ type: "hello", room: "r", name: "Ann", capabilities: ["webrtc"] });
});

test.each([1, 2, 3, 4, 5])("twenty drops in a thousand chat messages each way lose and repeat nothing (seed %i)", (seed) => {
  const { time, seen, server, session } = meet(seed);
  const random = seeded(seed);
  time.pass(100);
  let cuts = 0;
  for (let number = 1; number <= 1000; number += 1) {
    session.send({ type: "chat", text: String(number) });
    server.say(chat(number));
    time.pass(Math.floor(random() * 20));
    if (number % 50 === 25) {
      server.cut();
      cuts += 1;
    }
  }
  time.pass(10_000);
  const numbers = Array.from({ length: 1000 }, (_, index) => String(index + 1));
  expect(cuts).toBe(20);
  expect(seen.resumed).toBeGreaterThan(10);
  expect(server.taken.map((frame) => frame["text"])).toEqual(numbers);
  expect(seen.messages.map((message) => (message.type === "chat" ? message.message.text : message.type))).toEqual(numbers);
  expect(server.kept).toBe(0);
});

test("32 frames are acknowledged at once, fewer after a second", () => {
  const { time, server } = meet();
  time.pass(100);
  for (let number = 1; number <= 33; number += 1) {
    server.say(chat(number));
  }
  time.pass(100);
  expect(server.heard.filter((frame) => frame["type"] === "ack")).toEqual([{ type: "ack", received: 32 }]);
  time.pass(1000);
  expect(last(server.heard)).toEqual({ type: "ack", received: 33 });
});

test("the first retry comes at once, later ones after growing pauses of at most 8 s", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => backoffMs(attempt, 0))).toEqual([
    0, 500, 1000, 2000, 4000, 8000, 8000, 8000,
  ]);
  expect(backoffMs(1, 1)).toBe(250);
  const { time, server, seen } = meet();
  time.pass(100);
  server.reachable = false;
  server.cut();
  time.pass(60_000);
  expect(server.connections).toBeGreaterThan(8);
  expect(server.connections).toBeLessThan(20);
  expect(last(seen.standings)).toMatchObject({ kind: "reconnecting", sinceMs: 100 });
  server.reachable = true;
  time.pass(8100);
  expect(last(seen.standings)).toEqual({ kind: "connected" });
  expect(seen.resumed).toBe(1);
  const resume = { token: "token", epoch: 1, seq: 0, attempt: server.connections - 1 };
  expect(last(server.heard.filter((frame) => frame["type"] === "hello"))).toMatchObject({ resume });
});

test("a nudge tries at once", () => {
  const { time, server, session, seen } = meet();
  time.pass(100);
  server.reachable = false;
  server.cut();
  time.pass(30_000);
  server.reachable = true;
  session.nudge();
  time.pass(50);
  expect(last(seen.standings)).toEqual({ kind: "connected" });
});

test("a silent connection is pinged after 15 s and taken as lost 10 s later", () => {
  const { time, server, seen } = meet();
  time.pass(15_000);
  time.pass(100);
  expect(last(server.heard)).toEqual({ type: "ping" });
  time.pass(60_000);
  expect(seen.standings).toHaveLength(2);
  server.say(chat(1));
  time.pass(10);
  server.answering = false;
  time.pass(24_900);
  expect(last(seen.standings)).toEqual({ kind: "connected" });
  time.pass(200);
  expect(last(seen.standings)).toMatchObject({ kind: "reconnecting" });
});

test("a server that never answers the hello is tried again", () => {
  const { time, server, seen } = meet();
  server.answering = false;
  time.pass(10_000);
  expect(server.connections).toBe(2);
  expect(last(seen.standings)).toEqual({ kind: "joining", attempt: 1 });
});

test("bye is obeyed, even when nudged", () => {
  const { time, server, session, seen } = meet();
  time.pass(100);
  server.tell({ type: "bye", reason: "shutdown", retry_after_ms: 3000 });
  time.pass(20);
  server.cut(1001);
  session.nudge();
  time.pass(2900);
  expect(server.connections).toBe(1);
  time.pass(200);
  expect(server.connections).toBe(2);
  expect(last(seen.standings)).toEqual({ kind: "connected" });
});

test("4001 ends the session as replaced", () => {
  const { time, server, session, seen } = meet();
  time.pass(100);
  server.close(4001);
  time.pass(60_000);
  expect(last(seen.standings)).toEqual({ kind: "ended", reason: { kind: "replaced" } });
  expect(last(seen.tokens)).toBe(null);
  expect(server.connections).toBe(1);
  expect(session.send({ type: "chat", text: "late" })).toBe(false);
});

test("a refused hello ends the session with the server's words", () => {
  const { time, server, seen } = meet();
  server.refusal = { code: "room_full", message: "The room is full." };
  time.pass(60_000);
  const reason = { kind: "refused", code: "room_full", message: "The room is full." };
  expect(last(seen.standings)).toEqual({ kind: "ended", reason });
  expect(server.connections).toBe(1);
});

test("a token of another room is dropped and the room joined as someone new", () => {
  const { time, server, seen } = meet(1, "of another room");
  server.refusal = { code: "resume_mismatch", message: "Another room." };
  time.pass(40);
  server.refusal = null;
  time.pass(1000);
  expect(server.heard.map((frame) => frame["resume"])).toEqual([{ token: "of another room" }, undefined]);
  expect(last(seen.standings)).toEqual({ kind: "connected" });
});

test.each([1009, 4000, 4002, 4003, 4005, 1006])("close code %i resumes", (code) => {
  const { time, server, seen } = meet();
  time.pass(100);
  server.close(code);
  time.pass(1000);
  expect(last(seen.standings)).toEqual({ kind: "connected" });
  expect(seen.resumed).toBe(1);
});

test("a token without a number takes the session over and numbers go on after it", () => {
  const first = meet();
  first.time.pass(100);
  first.session.send({ type: "chat", text: "1" });
  first.time.pass(100);
  first.session.abandon();
  const seen: Welcome[] = [];
  const second = new Session(first.server, () => ({ room: "r", name: "Ann" }), "token", {
    standing: () => undefined,
    welcomed: (welcome) => seen.push(welcome),
    resumed: () => undefined,
    message: () => undefined,
    bus: () => undefined,
    token: () => undefined,
  });
  second.start();
  first.time.pass(100);
  expect(last(first.server.heard)).toMatchObject({ type: "hello", resume: { token: "token" } });
  expect(seen).toHaveLength(1);
  second.send({ type: "chat", text: "2" });
  first.time.pass(100);
  expect(last(first.server.taken)).toMatchObject({ seq: 2, text: "2" });
});

test("after the session is gone the welcome hands back what was not received", () => {
  const { time, server, session, seen } = meet();
  time.pass(100);
  session.send({ type: "chat", text: "received, not acknowledged" });
  time.pass(100);
  server.forget("00000000000000a9");
  server.reachable = false;
  server.cut();
  session.send({ type: "chat", text: "never sent" });
  session.send({ type: "presence", hand: true });
  time.pass(5000);
  server.reachable = true;
  time.pass(8100);
  expect(last(seen.welcomes)?.lost.map((message) => message.type)).toEqual(["chat", "chat", "presence"]);
  session.send({ type: "chat", text: "again" });
  time.pass(100);
  expect(last(server.taken)).toMatchObject({ seq: 1, text: "again" });
});

test("a frame of an unknown type or shape is skipped but counted", () => {
  const { time, server, seen } = meet();
  time.pass(100);
  server.say({ type: "later" });
  server.say({ type: "joined", version: 2, member: {} });
  server.say({ type: "joined", version: 3, member: member(BO) });
  time.pass(2000);
  expect(seen.messages.map((message) => message.type)).toEqual(["joined"]);
  expect(server.kept).toBe(0);
});

test("at the bound of what is kept a message is refused, and nothing before it is lost", () => {
  const { time, server, session } = meet();
  time.pass(100);
  server.reachable = false;
  server.cut();
  let taken = 0;
  while (session.send({ type: "chat", text: String(taken) })) {
    taken += 1;
  }
  expect(taken).toBe(1024);
  server.reachable = true;
  time.pass(20_000);
  expect(server.taken).toHaveLength(1024);
  expect(session.send({ type: "chat", text: "fits again" })).toBe(true);
});

test("leaving says so and never comes back", () => {
  const { time, server, session, seen } = meet();
  time.pass(100);
  session.leave();
  time.pass(60_000);
  expect(last(server.heard)).toEqual({ type: "leave" });
  expect(server.connections).toBe(1);
  expect(last(seen.standings)).toEqual({ kind: "ended", reason: { kind: "left" } });
  expect(last(seen.tokens)).toBe(null);
});

test("who leaves while the server is away has left at once, and the server hears of it later", () => {
  const { time, server, session, seen } = meet();
  time.pass(100);
  server.reachable = false;
  server.cut();
  time.pass(3000);
  session.send({ type: "chat", text: "before" });
  session.leave();
  session.abandon();
  expect(last(seen.standings)).toEqual({ kind: "ended", reason: { kind: "left" } });
  const told = seen.standings.length;
  server.reachable = true;
  time.pass(60_000);
  expect(server.heard.slice(-2)).toMatchObject([{ type: "chat", text: "before" }, { type: "leave" }]);
  expect(seen.standings).toHaveLength(told);
});

test("a server that stays away is not asked for ever by who has left", () => {
  const { time, server, session } = meet();
  time.pass(100);
  server.reachable = false;
  server.cut();
  session.leave();
  time.pass(60_000);
  const tries = server.connections;
  time.pass(600_000);
  expect(server.connections).toBe(tries);
});
