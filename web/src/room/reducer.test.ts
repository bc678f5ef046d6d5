// How the state of a meeting changes, event by event.

import { expect, test } from "vitest";
import type { Member, ServerMessage, Welcome } from "../protocol/types";
import type { SessionMessage } from "../signaling/session";
import { initialModel, reduce, type Model, type RoomEvent } from "./reducer";
import { unsentAfter } from "./unsent";

const ME = "00000000000000a1";
const BO = "00000000000000b2";
const CI = "00000000000000c3";
const PRESENCE = { hand: false, muted: false, camera_off: false, sharing: false, away: false };
const HERE = { latitude: 48.8583, longitude: 2.2945 };

const member = (id: string, more: Partial<Member> = {}): Member => ({
  id,
  name: `name of ${id}`,
  epoch: 1,
  capabilities: ["webrtc"],
  presence: PRESENCE,
  ...more,
});

const welcome = (members: readonly Member[], more: Partial<Welcome> = {}): Welcome => ({
  type: "welcome",
  room: "r",
  self: member(ME),
  roster: { version: 1, members },
  chat: [],
  ice: { ice_servers: [] },
  policy: { media: "auto", members_max: 16 },
  limits: { text_frame_bytes: 1, chat_bytes: 1, bus_bytes: 1, frames_per_second: 1 },
  resume: { token: "t", grace_ms: 1 },
  received: 0,
  now_ms: 0,
  ...more,
});

const chat = (number: number, from: string, text: string, to?: string) => ({
  number,
  from,
  name: "n",
  at_ms: 0,
  text,
  ...(to === undefined ? {} : { to }),
});

/** Stands for a stream: the reducer only passes it on. */
const stream = () => ({}) as MediaStream;

function after(model: Model, ...events: (RoomEvent | SessionMessage)[]): Model {
  return events.reduce((model, event) => reduce(model, "kind" in event ? event : { kind: "message", message: event }), model);
}

const inRoom = (...members: Member[]): Model =>
  after(initialModel("r"), { kind: "welcome", welcome: welcome(members), unsent: [] });

const bo = (model: Model) => model.shown.participants.find((participant) => participant.member.id === BO);
const kinds = (model: Model) => model.shown.notices.map((notice) => notice.kind);

test("the welcome fills the room; who has no media has no link", () => {
  const { shown } = inRoom(member(BO), member(CI, { capabilities: [] }));
  expect(shown.self?.id).toBe(ME);
  expect(shown.participants.map(({ member: { id }, link: { state } }) => [id, state])).toEqual([
    [BO, "connecting"],
    [CI, "none"],
  ]);
});

test("members come and go in order, each with a notice", () => {
  const model = after(
    inRoom(member(BO)),
    { type: "joined", version: 2, member: member(CI) },
    { type: "left", version: 3, participant: BO, reason: "left" },
    { type: "left", version: 4, participant: BO, reason: "left" },
  );
  expect(model.shown.participants.map(({ member: { id } }) => id)).toEqual([CI]);
  expect(model.shown.notices).toEqual([
    { number: 1, kind: "joined", participant: CI, name: `name of ${CI}`, text: null },
    { number: 2, kind: "left", participant: BO, name: `name of ${BO}`, text: null },
  ]);
});

test("nothing of who has left comes back with a late event", () => {
  const model = after(
    inRoom(member(BO)),
    { type: "left", version: 2, participant: BO, reason: "lost" },
    { kind: "received", participant: BO, received: { camera: stream() } },
    { kind: "link", participant: BO, link: { state: "connected" } },
    { type: "presence", from: BO, presence: { ...PRESENCE, hand: true } },
    { type: "joined", version: 3, member: member(BO) },
  );
  expect(bo(model)).toMatchObject({ camera: null, link: { state: "connecting" } });
  expect(kinds(model)).toEqual(["left", "joined"]);
});

test("a renamed member keeps its media, one on another device starts anew", () => {
  const camera = stream();
  const connected = after(
    inRoom(member(BO)),
    { kind: "link", participant: BO, link: { state: "connected", path: "direct", rttMs: 3 } },
    { kind: "received", participant: BO, received: { camera, frames: true } },
    { type: "changed", version: 2, member: member(BO, { name: "Bo II" }) },
  );
  expect(bo(connected)).toMatchObject({ member: { name: "Bo II" }, link: { state: "connected" }, cameraLive: true });
  expect(bo(connected)?.camera).toBe(camera);
  const moved = after(connected, { type: "changed", version: 3, member: member(BO, { epoch: 2 }) });
  expect(bo(moved)).toMatchObject({ link: { state: "connecting", path: null }, camera: null, cameraLive: false });
});

test("a camera that is off is not live, and live again when it is on", () => {
  const off = after(
    inRoom(member(BO)),
    { kind: "received", participant: BO, received: { camera: stream(), frames: true } },
    { type: "presence", from: BO, presence: { ...PRESENCE, camera_off: true } },
  );
  expect(bo(off)?.cameraLive).toBe(false);
  expect(bo(off)?.camera).not.toBe(null);
  expect(bo(after(off, { type: "presence", from: BO, presence: PRESENCE }))?.cameraLive).toBe(true);
});

test("a screen is shown only while it is shared, whichever comes first", () => {
  const screen = stream();
  const arrived = after(inRoom(member(BO)), { kind: "received", participant: BO, received: { screen } });
  expect(bo(arrived)?.screen).toBe(null);
  const shared = after(arrived, { type: "presence", from: BO, presence: { ...PRESENCE, sharing: true } });
  expect(bo(shared)?.screen).toBe(screen);
  expect(bo(after(shared, { type: "presence", from: BO, presence: PRESENCE }))?.screen).toBe(null);
});

test("a hand is told when it goes up, not while it stays up", () => {
  const raised = { ...PRESENCE, hand: true };
  const model = after(
    inRoom(member(BO)),
    { type: "presence", from: BO, presence: raised },
    { type: "presence", from: BO, presence: { ...raised, muted: true } },
  );
  expect(kinds(model)).toEqual(["hand"]);
});

test("a position comes and goes", () => {
  const placed = after(inRoom(member(BO)), { type: "location", from: BO, position: HERE });
  expect(bo(placed)?.member.position).toEqual(HERE);
  expect(bo(after(placed, { type: "location", from: BO, position: null }))?.member).not.toHaveProperty("position");
});

test("own chat waits until it comes back, others' chat is told", () => {
  const queued = after(inRoom(member(BO)), { kind: "chat-queued", chat: { text: "hi", to: null } });
  expect(queued.shown.unsent).toEqual([{ text: "hi", to: null }]);
  const delivered = after(
    queued,
    { type: "chat", message: chat(1, BO, "hi") },
    { type: "chat", message: chat(2, ME, "hi") },
  );
  expect(delivered.shown.unsent).toEqual([]);
  expect(delivered.shown.chat.map((message) => message.number)).toEqual([1, 2]);
  expect(kinds(delivered)).toEqual(["chat"]);
});

test("a refused chat no longer waits, and the person hears why", () => {
  const model = after(
    inRoom(member(BO)),
    { kind: "chat-queued", chat: { text: "long", to: null } },
    { type: "error", code: "too_large", message: "Too long.", id: "chat-7" },
  );
  expect(model.shown.unsent).toEqual([]);
  expect(model.shown.notices.map((notice) => notice.text)).toEqual(["Too long."]);
});

test("a signal that found nobody is no news", () => {
  const error: ServerMessage = { type: "error", code: "no_such_participant", message: "Nobody.", id: "signal-7" };
  expect(kinds(after(inRoom(), error))).toEqual([]);
});

test("another device of oneself does not touch one's own presence", () => {
  const model = after(
    inRoom(),
    { kind: "own-presence", presence: { ...PRESENCE, hand: true } },
    { type: "changed", version: 2, member: member(ME, { name: "New" }) },
  );
  expect(model.shown.self).toMatchObject({ name: "New", presence: { hand: true } });
});

test("a second welcome voids the room but keeps one's private messages", () => {
  const before = after(
    inRoom(member(BO)),
    { type: "chat", message: chat(1, BO, "to all") },
    { type: "chat", message: chat(2, BO, "psst", ME) },
    { kind: "received", participant: BO, received: { camera: stream(), frames: true } },
  );
  const again = welcome([member(BO)], { self: member(ME, { epoch: 2 }), chat: [chat(1, BO, "to all")] });
  const model = after(before, { kind: "welcome", welcome: again, unsent: [] });
  expect(model.shown.chat.map((message) => message.text)).toEqual(["to all", "psst"]);
  expect(bo(model)).toMatchObject({ camera: null, cameraLive: false, link: { state: "connecting" } });
});

test("reconnecting keeps the room as it is", () => {
  const before = inRoom(member(BO));
  const connection = { kind: "reconnecting", sinceMs: 1, attempt: 1, retryAtMs: 2 } as const;
  const model = after(before, { kind: "connection", connection });
  expect(model.shown.participants).toBe(before.shown.participants);
});

test("levels that stay the same change nothing", () => {
  const model = after(inRoom(member(BO)), { kind: "levels", levels: new Map([[BO, 0.5]]), speaker: BO });
  expect(bo(model)?.level).toBe(0.5);
  expect(after(model, { kind: "levels", levels: new Map([[BO, 0.5]]), speaker: BO })).toBe(model);
});

test("at most twenty notices are kept, and their numbers go on", () => {
  let model = inRoom(member(BO));
  for (let number = 1; number <= 25; number += 1) {
    model = after(model, { type: "chat", message: chat(number, BO, "x") });
  }
  expect(model.shown.notices).toHaveLength(20);
  expect(model.shown.notices[19]?.number).toBe(25);
});

test("as the same participant exactly what was not received is sent again", () => {
  const lost = [
    { type: "chat", text: "hi" },
    { type: "presence", hand: true },
    { type: "chat", text: "you", to: BO },
  ] as const;
  const again = welcome([], { chat: [chat(5, ME, "hi")] });
  expect(unsentAfter(again, lost, { self: member(ME), chat: [] })).toEqual([
    { text: "hi", to: null },
    { text: "you", to: BO },
  ]);
});

test("as a new participant what the history shows as said is not said twice", () => {
  const lost = [
    { type: "chat", text: "hi" },
    { type: "chat", text: "hi" },
    { type: "chat", text: "bye" },
  ] as const;
  const history = [chat(4, ME, "bye"), chat(5, ME, "hi")];
  const anew = welcome([], { self: member(CI), chat: history });
  expect(unsentAfter(anew, lost, { self: member(ME), chat: [chat(4, ME, "bye")] })).toEqual([
    { text: "hi", to: null },
    { text: "bye", to: null },
  ]);
});

const forwarding = (self: readonly string[], ...members: Member[]): Model =>
  after(initialModel("r"), {
    kind: "welcome",
    welcome: welcome(members, { self: member(ME, { capabilities: self }), sfu: { slots_max: 64, port: 8443 } }),
    unsent: [],
  });

test("who cannot be called directly is reached through a server that forwards", () => {
  const others = [member(BO, { capabilities: ["sfu"] }), member(CI, { capabilities: ["webrtc", "sfu"] })];
  const reaches = (model: Model) => model.shown.participants.map(({ reach, link }) => `${reach} ${link.state}`);
  expect(reaches(forwarding(["webrtc", "sfu"], ...others))).toEqual(["server connecting", "direct connecting"]);
  expect(reaches(forwarding(["sfu"], ...others))).toEqual(["server connecting", "server connecting"]);
  expect(reaches(inRoom(...others))).toEqual(["none none", "direct connecting"]);
});

test("another way to a member begins anew", () => {
  const model = after(
    forwarding(["webrtc", "sfu"], member(BO, { capabilities: ["sfu"] })),
    { kind: "received", participant: BO, received: { camera: stream(), frames: true } },
    { type: "changed", version: 2, member: member(BO, { capabilities: ["webrtc", "sfu"] }) },
  );
  expect(bo(model)).toMatchObject({ reach: "direct", camera: null, link: { state: "connecting" } });
});

test("what the server holds back is said with the picture", () => {
  const model = after(forwarding(["sfu"], member(BO, { capabilities: ["sfu"] })), {
    kind: "received",
    participant: BO,
    received: { frames: false, cameraStanding: "paused" },
  });
  expect(bo(model)).toMatchObject({ cameraLive: false, cameraStanding: "paused" });
});

test("quality is kept for others and for oneself, and is void after a new welcome", () => {
  const model = after(
    inRoom(member(BO)),
    { type: "sfu_quality", participant: BO, score: 40, reasons: ["loss"] },
    { type: "sfu_quality", participant: ME, score: 90, reasons: [] },
  );
  expect(bo(model)?.quality).toEqual({ score: 40, reasons: ["loss"] });
  expect(model.shown.ownQuality).toEqual({ score: 90, reasons: [] });
  const again = after(model, { kind: "welcome", welcome: welcome([member(BO)]), unsent: [] });
  expect([bo(again)?.quality, again.shown.ownQuality]).toEqual([null, null]);
});

test("that an offer to the server was refused is no notice: another one is made", () => {
  const model = after(inRoom(), { type: "error", code: "bad_offer", message: "line 3", id: "sfu_offer-4" });
  expect(kinds(model)).toEqual([]);
});
