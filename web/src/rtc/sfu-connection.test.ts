// The order of steps on one peer connection, which only keeps its state.

import { expect, test, vi } from "vitest";
import type { SendSection } from "../protocol/types";
import { SfuConnection } from "./sfu-connection";
import { FakePeer, FakeTrack, GLOBALS, settled } from "./sfu-fakes";
import { NO_TRACKS } from "./slots";

for (const [name, value] of Object.entries(GLOBALS)) {
  vi.stubGlobal(name, value);
}

function open() {
  const peer = new FakePeer();
  const offers: { sdp: string; sends: readonly SendSection[] }[] = [];
  const happened: string[] = [];
  const frames: unknown[] = [];
  const connection = new SfuConnection(peer as unknown as RTCPeerConnection, null, NO_TRACKS, 9, {
    offer: (sdp, sends) => offers.push({ sdp, sends }),
    negotiated: () => happened.push("negotiated"),
    changed: (state) => happened.push(state),
    stumbled: () => happened.push("stumbled"),
    bus: (frame) => frames.push(frame),
  });
  return { peer, offers, happened, frames, connection };
}

const camera = () => new FakeTrack("video") as unknown as MediaStreamTrack;

test("the first offer has four sending sections, three slots for voices, and the pool", async () => {
  const { offers, peer } = open();
  await settled();
  expect(offers).toEqual([
    {
      sdp: "offer of 16",
      sends: [
        { mid: "0", source: "microphone" },
        { mid: "1", source: "camera" },
        { mid: "2", source: "screen" },
        { mid: "3", source: "screen_sound" },
      ],
    },
  ]);
  expect(peer.transceivers.map(({ direction }) => direction)).toEqual([...Array<string>(4).fill("sendonly"), ...Array<string>(12).fill("recvonly")]);
});

test("a camera that starts needs no new description", async () => {
  const { connection, offers, peer } = open();
  await settled();
  connection.handleAnswer("answer");
  await settled();
  const track = camera();
  connection.setTracks({ ...NO_TRACKS, camera: track });
  await settled();
  expect(offers).toHaveLength(1);
  expect(peer.transceivers[1]?.sender.track).toBe(track);
});

test("one negotiation at a time: what is wanted meanwhile comes with the next offer", async () => {
  const { connection, offers, peer, happened } = open();
  await settled();
  connection.setPool(16);
  connection.restart();
  await settled();
  expect([offers.length, peer.restarts]).toEqual([1, 1]);
  connection.handleAnswer("answer");
  await settled();
  expect(offers.map(({ sdp }) => sdp)).toEqual(["offer of 16", "offer of 23"]);
  expect(happened).toEqual(["negotiated"]);
});

test("an answer that nobody waits for is not taken for the next one", async () => {
  const { connection, happened, peer } = open();
  await settled();
  connection.handleAnswer("answer");
  await settled();
  connection.handleAnswer("answer");
  connection.setPool(16);
  await settled();
  expect([happened, peer.signalingState]).toEqual([["negotiated"], "have-local-offer"]);
});

test("only the streams that somebody wants are sent, once the description stands", async () => {
  const { connection, peer } = open();
  await settled();
  const active = () => peer.transceivers[1]?.sender.getParameters().encodings.filter(({ active }) => active !== false).map(({ rid }) => rid);
  connection.setWanted([{ mid: "1", paused: false, active: ["q"] }]);
  await settled();
  expect(active()).toEqual(["q", "h", "f"]);
  connection.handleAnswer("answer");
  await settled();
  expect(active()).toEqual(["q"]);
  connection.setWanted([{ mid: "1", paused: true, active: [] }, { mid: "99", paused: true, active: [] }]);
  await settled();
  expect(active()).toEqual([]);
});

test("a slot is known by its mid, a sending section is none", async () => {
  const { connection, peer } = open();
  await settled();
  expect(connection.trackOf("7")).toBe(peer.transceivers[7]?.receiver.track);
  expect(connection.trackOf("1")).toBe(null);
});

test("an answer that the browser refuses is told; nothing is told once it is closed", async () => {
  const { connection, peer, happened } = open();
  await settled();
  peer.refuses = true;
  connection.handleAnswer("answer");
  await settled();
  expect(happened).toEqual(["stumbled"]);
  connection.close();
  connection.handleAnswer("answer");
  await settled();
  expect(happened).toEqual(["stumbled"]);
});

test("frames of the data channel are handed on, text and bytes", async () => {
  const { peer, frames } = open();
  await settled();
  peer.channel.onmessage?.({ data: "text" });
  peer.channel.onmessage?.({ data: new ArrayBuffer(2) });
  expect(frames).toEqual(["text", new Uint8Array(2)]);
});
