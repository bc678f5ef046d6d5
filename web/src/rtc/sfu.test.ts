// When there is a connection to the SFU, and what is done about one that does not work.

import { expect, test, vi } from "vitest";
import type { ClientMessage, Member, SlotState, Welcome } from "../protocol/types";
import type { Received } from "../room/reducer";
import type { Link } from "../room/state";
import { Sfu, type SfuOptions } from "./sfu";
import { FakeClock, FakePeer, GLOBALS, settled } from "./sfu-fakes";

for (const [name, value] of Object.entries(GLOBALS)) {
  vi.stubGlobal(name, value);
}

const ME = "00000000000000a1";
const BO = "00000000000000b2";
const CI = "00000000000000c3";
const PRESENCE = { hand: false, muted: false, camera_off: false, sharing: false, away: false };
const BOTH = ["webrtc", "sfu"];

const member = (id: string, capabilities: readonly string[] = ["sfu"], epoch = 1): Member => ({ id, name: id, epoch, capabilities, presence: PRESENCE });

const welcome = (self: Member, members: readonly Member[], sfu: NonNullable<Welcome["sfu"]> | null = { slots_max: 64, port: 8443 }): Welcome => ({
  type: "welcome",
  room: "r",
  self,
  roster: { version: 1, members },
  chat: [],
  ice: { ice_servers: [] },
  policy: { media: "auto", members_max: 16 },
  limits: { text_frame_bytes: 1, chat_bytes: 1, bus_bytes: 1, frames_per_second: 1 },
  resume: { token: "t", grace_ms: 1 },
  received: 0,
  now_ms: 0,
  ...(sfu === null ? {} : { sfu }),
});

function enter(options: Partial<SfuOptions> = {}) {
  const clock = new FakeClock();
  const peers: FakePeer[] = [];
  const sent: ClientMessage[] = [];
  const links = new Map<string, Partial<Link>>();
  const received = new Map<string, Partial<Received>>();
  const world = {
    connect: () => {
      const peer = new FakePeer();
      peers.push(peer);
      return peer as unknown as RTCPeerConnection;
    },
    nowMs: () => clock.nowMs(),
    after: (delayMs: number, task: () => void) => clock.after(delayMs, task),
    random: () => 0,
  };
  const sfu = new Sfu(
    world,
    { forced: false, codec: null, ...options },
    {
      send: (message) => sent.push(message),
      status: (participant, link) => links.set(participant, { ...links.get(participant), ...link }),
      received: (participant, what) => received.set(participant, { ...received.get(participant), ...what }),
      bus: () => undefined,
    },
  );
  const offers = () => sent.filter((message) => message.type === "sfu_offer");
  const revision = () => offers().at(-1)?.revision ?? -1;
  const last = () => {
    const peer = peers.at(-1);
    if (peer === undefined) {
      throw new Error("no connection");
    }
    return peer;
  };
  /** The server answers, and the network lets the packets through. */
  const connect = async () => {
    await settled();
    sfu.handle({ type: "sfu_answer", revision: revision(), sdp: "answer" });
    await settled();
    last().become("connected");
  };
  return { clock, peers, sent, links, received, sfu, offers, revision, last, connect };
}

test("without a server that forwards, or when all can be called directly, there is no connection", async () => {
  const { sfu, peers, clock } = enter();
  sfu.welcome(welcome(member(ME, BOTH), [member(BO, BOTH)]));
  sfu.welcome(welcome(member(ME, BOTH), [member(BO)], null));
  await clock.pass(1000);
  expect(peers).toHaveLength(0);
});

test("a page that was asked to goes through the server even while alone", async () => {
  const { sfu, offers } = enter({ forced: true });
  sfu.welcome(welcome(member(ME), []));
  await settled();
  expect(offers()).toHaveLength(1);
});

test("a member that comes only through the server brings the connection up, its going brings it down a while later", async () => {
  const { sfu, peers, connect, clock, sent, links } = enter();
  sfu.welcome(welcome(member(ME, BOTH), []));
  sfu.joined(member(BO));
  await connect();
  expect(links.get(BO)).toMatchObject({ state: "connected", path: "server" });
  sfu.left(BO);
  await clock.pass(5000);
  sfu.joined(member(CI));
  await clock.pass(20_000);
  expect([peers.length, peers[0]?.connectionState, links.get(CI)?.state]).toEqual([1, "connected", "connected"]);
  sfu.left(CI);
  await clock.pass(10_000);
  expect([peers[0]?.connectionState, sent.at(-1)?.type]).toEqual(["closed", "sfu_close"]);
});

test("the view is told once there is a connection, and again to a server that has forgotten", async () => {
  const { sfu, sent, clock } = enter({ forced: true });
  sfu.show([{ participant: BO, source: "camera", width: 640, height: 360, pinned: false }]);
  await clock.pass(500);
  sfu.welcome(welcome(member(ME), [member(BO)]));
  sfu.welcome(welcome(member(ME), [member(BO)]));
  await clock.pass(500);
  expect(sent.filter(({ type }) => type === "sfu_view")).toHaveLength(2);
});

test("slots reach the tiles of those who come through the server, and of nobody else", async () => {
  const { sfu, received, connect, revision } = enter();
  sfu.welcome(welcome(member(ME, BOTH), [member(BO), member(CI, BOTH)]));
  await connect();
  const slot = (mid: string, participant: string): SlotState => ({ mid, participant, source: "camera", state: "live" });
  sfu.handle({ type: "sfu_slots", revision: revision(), slots: [slot("7", BO), slot("8", CI)] });
  expect(received.get(BO)?.camera).not.toBe(null);
  expect(received.has(CI)).toBe(false);
  sfu.handle({ type: "sfu_slots", revision: revision() - 1, slots: [] });
  expect(received.get(BO)?.camera).not.toBe(null);
});

test("the loss of the WebSocket alone changes nothing; when it is back the path is renewed, not the connection", async () => {
  const { sfu, peers, connect, clock, links } = enter();
  sfu.welcome(welcome(member(ME, BOTH), [member(BO)]));
  await connect();
  sfu.setSignaling(false);
  await clock.pass(30_000);
  expect([links.get(BO)?.state, peers.length, peers[0]?.restarts]).toEqual(["connected", 1, 0]);
  sfu.setSignaling(true);
  await clock.pass(1000);
  expect([peers.length, peers[0]?.restarts]).toEqual([1, 1]);
});

test("a disturbed path is restarted with the same revision; in vain, another connection is made", async () => {
  const { sfu, peers, connect, clock, offers, links, last } = enter();
  sfu.welcome(welcome(member(ME, BOTH), [member(BO)]));
  await connect();
  last().become("disconnected");
  await clock.pass(400);
  expect([links.get(BO)?.state, peers.length, offers().length]).toEqual(["reconnecting", 1, 2]);
  await clock.pass(10_000);
  expect(peers).toHaveLength(2);
  const [first = null, ...others] = offers().map(({ revision }) => revision);
  expect(others.at(-1)).toBe((first ?? 0) + 1);
  await connect();
  expect(links.get(BO)?.state).toBe("connected");
});

test("a connection that the server gives up is made anew at once, then at growing intervals", async () => {
  const { sfu, peers, connect, clock, revision } = enter();
  sfu.welcome(welcome(member(ME, BOTH), [member(BO)]));
  await connect();
  sfu.handle({ type: "sfu_state", revision: revision(), state: "failed" });
  await clock.pass(0);
  expect(peers).toHaveLength(2);
  for (const [waitMs, count] of [[499, 2], [1, 3], [999, 3], [1, 4]] as const) {
    sfu.refused();
    await clock.pass(waitMs);
    expect(peers).toHaveLength(count);
  }
});

test("a way that cannot be made is told after a while, and is tried on", async () => {
  const { sfu, peers, clock, links } = enter();
  sfu.welcome(welcome(member(ME, BOTH), [member(BO)]));
  await clock.pass(15_000);
  expect(links.get(BO)?.state).toBe("connecting");
  await clock.pass(15_000);
  expect(links.get(BO)?.state).toBe("failed");
  const tried = peers.length;
  await clock.pass(30_000);
  expect(peers.length).toBeGreaterThan(tried);
});

test("another device of the same participant begins with revisions that this one never used", async () => {
  const { sfu, revision } = enter({ forced: true });
  sfu.welcome(welcome(member(ME), []));
  await settled();
  const before = revision();
  sfu.welcome(welcome(member(ME, ["sfu"], 2), []));
  await settled();
  expect(revision()).toBeGreaterThan(before + 1000);
});
