// The wire as the golden files have it; the server's tests read the same files.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeBusFrame, encodeBusFrame, type BusFrame } from "./binary";
import { decodeServerFrame } from "./decode";
import { encodeClientFrame, encodeConnectionFrame } from "./encode";
import type { ServerMessage } from "./types";

const GOLDEN = new URL("../../../tests/golden/protocol/", import.meta.url);
const BO = "0000000000000b02";
const TOKEN = "c2VjcmV0LXRva2VuLW9mLXRoZS1zZXNzaW9u";
const IDLE = { hand: false, muted: false, camera_off: false, sharing: false, away: false };

function names(folder: string, ending: string): string[] {
  return readdirSync(new URL(folder, GOLDEN)).filter((name) => name.endsWith(ending));
}

function golden(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(name, GOLDEN), "utf8")) as Record<string, unknown>;
}

/** Every client frame of the golden files, as this page would send it. */
const CLIENT_FRAMES: Readonly<Record<string, string>> = {
  "hello.json": encodeConnectionFrame({
    type: "hello",
    room: "team-1",
    name: "李雷",
    capabilities: ["webrtc"],
    presence: { ...IDLE, muted: true },
  }),
  "hello-resume.json": encodeConnectionFrame({
    type: "hello",
    room: "team-1",
    name: "Ann",
    resume: { token: TOKEN, epoch: 1, seq: 41, attempt: 3 },
    presence: IDLE,
  }),
  "hello-takeover.json": encodeConnectionFrame({
    type: "hello",
    room: "team-1",
    name: "Ann",
    resume: { token: TOKEN },
    capabilities: ["webrtc"],
    presence: IDLE,
  }),
  "ack.json": encodeConnectionFrame({ type: "ack", received: 64 }),
  "ping.json": encodeConnectionFrame({ type: "ping" }),
  "leave.json": encodeConnectionFrame({ type: "leave" }),
  "chat-all.json": encodeClientFrame({ seq: 5, message: { type: "chat", text: "hello 你好 👋" } }),
  "chat-one.json": encodeClientFrame({ seq: 6, id: "c6", message: { type: "chat", to: BO, text: "only you" } }),
  "presence.json": encodeClientFrame({ seq: 7, message: { type: "presence", hand: true, camera_off: false } }),
  "rename.json": encodeClientFrame({ seq: 8, message: { type: "rename", name: "Ann B." } }),
  "location.json": encodeClientFrame({
    seq: 9,
    message: { type: "location", position: { latitude: 48.8583, longitude: 2.2945, accuracy: 12.5, heading: 270 } },
  }),
  "location-stop.json": encodeClientFrame({ seq: 10, message: { type: "location", position: null } }),
  "bus-all.json": encodeClientFrame({
    seq: 11,
    message: { type: "bus", topic: "game/score", latest: true, data: { red: 3, blue: [1, 2, null] } },
  }),
  "bus-one.json": encodeClientFrame({ seq: 12, message: { type: "bus", topic: "sensor:temp", to: BO, data: 21.5 } }),
  "signal-description.json": encodeClientFrame({
    seq: 1,
    message: {
      type: "signal",
      to: BO,
      revision: 0,
      signal: {
        kind: "description",
        description: { type: "offer", sdp: "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" },
      },
    },
  }),
  "signal-rollback.json": encodeClientFrame({
    seq: 2,
    message: {
      type: "signal",
      to: BO,
      revision: 0,
      signal: { kind: "description", description: { type: "rollback", sdp: "" } },
    },
  }),
  "signal-candidate.json": encodeClientFrame({
    seq: 3,
    message: {
      type: "signal",
      to: BO,
      revision: 1,
      signal: {
        kind: "candidate",
        candidate: {
          candidate: "candidate:1 1 UDP 2122252543 192.0.2.7 50000 typ host",
          sdpMid: "0",
          sdpMLineIndex: 0,
          usernameFragment: "abcd",
        },
      },
    },
  }),
  "signal-end-of-candidates.json": encodeClientFrame({
    seq: 4,
    message: { type: "signal", to: BO, revision: 1, signal: { kind: "end_of_candidates", usernameFragment: "abcd" } },
  }),
  "sfu-offer.json": encodeClientFrame({
    seq: 20,
    id: "o1",
    message: {
      type: "sfu_offer",
      revision: 1,
      sdp: "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
      sends: [
        { mid: "0", source: "microphone" },
        { mid: "1", source: "camera" },
        { mid: "2", source: "screen" },
        { mid: "3", source: "screen_sound" },
      ],
    },
  }),
  "sfu-view.json": encodeClientFrame({
    seq: 21,
    message: {
      type: "sfu_view",
      videos: [
        { participant: BO, source: "screen", width: 1920, height: 1080, pinned: true },
        { participant: BO, source: "camera", width: 320, height: 180, pinned: false },
      ],
    },
  }),
  "sfu-close.json": encodeClientFrame({ seq: 22, message: { type: "sfu_close" } }),
};

test.each(names("client", ".json"))("the page writes client/%s", (name) => {
  expect(JSON.parse(CLIENT_FRAMES[name] ?? "null")).toEqual(golden(`client/${name}`));
});

/** What the decoder fills in where the file is silent. */
function completed(file: Record<string, unknown>): unknown {
  const { seq, ...message } = file;
  const whole = message["type"] === "bus" ? { direct: false, ...message } : message;
  return { seq: seq ?? null, message: whole };
}

test.each(names("server", ".json"))("the page reads server/%s", (name) => {
  const file = golden(`server/${name}`);
  expect(decodeServerFrame(JSON.stringify(file))).toEqual({ kind: "frame", frame: completed(file) });
});

test("every type of server message has a golden file", () => {
  const types: Record<ServerMessage["type"], true> = {
    welcome: true,
    resumed: true,
    joined: true,
    left: true,
    changed: true,
    presence: true,
    location: true,
    signal: true,
    chat: true,
    bus: true,
    ice_servers: true,
    sfu_answer: true,
    sfu_slots: true,
    sfu_sends: true,
    sfu_speakers: true,
    sfu_quality: true,
    sfu_state: true,
    error: true,
    ack: true,
    pong: true,
    bye: true,
  };
  const seen = new Set(names("server", ".json").map((name) => golden(`server/${name}`)["type"]));
  expect(seen).toEqual(new Set(Object.keys(types)));
});

test.each(names("refused", ".json"))("the page takes no frame from refused/%s", (name) => {
  const frame = golden(`refused/${name}`)["frame"];
  // A topic or a text that only the server judges may pass; everything else must not.
  const passes = ["bus-bad-topic.json", "deep.json"];
  if (typeof frame === "string" && !passes.includes(name)) {
    expect(decodeServerFrame(frame).kind).not.toBe("frame");
  }
});

test("an unknown type, an inherited name and an unknown field are told apart", () => {
  expect(decodeServerFrame('{"type":"later","seq":9}')).toEqual({ kind: "unknown", type: "later", seq: 9 });
  expect(decodeServerFrame('{"type":"constructor"}')).toEqual({ kind: "unknown", type: "constructor", seq: null });
  expect(decodeServerFrame('{"type":"pong","later":1}')).toEqual({
    kind: "frame",
    frame: { seq: null, message: { type: "pong" } },
  });
});

test.each([
  '{"type":"left","seq":3,"version":6,"participant":"0000000000000000","reason":"lost"}',
  '{"type":"left","seq":3,"version":6.5,"participant":"0000000000000b02","reason":"lost"}',
  '{"type":"left","seq":3,"version":6,"participant":"0000000000000b02","reason":"bored"}',
  '{"type":"joined","seq":3,"version":6,"member":{"id":"0000000000000b02","name":"Bo"}}',
  '{"type":"location","seq":3,"from":"0000000000000b02"}',
  '{"type":"location","seq":3,"from":"0000000000000b02","position":{"latitude":91,"longitude":0}}',
  '{"type":"presence","seq":3,"from":"0000000000000b02","presence":{"hand":"yes"}}',
  '{"type":"sfu_slots","seq":3,"revision":1,"slots":[{"mid":"4","participant":"0000000000000b02","source":"nose","state":"live"}]}',
  '{"type":"sfu_quality","seq":3,"participant":"0000000000000b02","score":101,"reasons":[]}',
  '{"type":"sfu_sends","seq":3,"revision":1,"sections":[{"mid":"1","paused":false}]}',
  '{"type":"sfu_state","seq":3,"revision":1,"state":"bored"}',
])("a broken frame keeps its number: %s", (frame) => {
  expect(decodeServerFrame(frame)).toMatchObject({ kind: "broken", seq: 3 });
});

test("an error code of a later server is unknown, not broken", () => {
  const decoded = decodeServerFrame('{"type":"error","seq":1,"code":"new_one","message":"Sorry."}');
  expect(decoded).toMatchObject({ kind: "frame", frame: { message: { code: "unknown", message: "Sorry." } } });
});

test.each(names("binary", ".bin"))("binary/%s", (name) => {
  const bytes = new Uint8Array(readFileSync(new URL(`binary/${name}`, GOLDEN)));
  const file = golden(`binary/${name.replace(/bin$/, "json")}`);
  const decoded = decodeBusFrame(bytes);
  if ("error" in file) {
    expect(decoded).toMatchObject({ kind: "broken", code: file["error"] });
    return;
  }
  const { payload_hex, ...rest } = file;
  const payload = new Uint8Array(Buffer.from(String(payload_hex), "hex"));
  const frame = { ...rest, payload } as BusFrame;
  expect(decoded).toEqual({ kind: "frame", frame });
  expect(encodeBusFrame(frame)).toEqual(bytes);
});
