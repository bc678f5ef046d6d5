// The rules of perfect negotiation, on a peer connection that only keeps its state.

import { expect, test } from "vitest";
import type { Description, Signal } from "../protocol/types";
import { Negotiation } from "./negotiation";

class FakeConnection {
  signalingState: RTCSignalingState = "stable";
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  readonly taken: RTCIceCandidateInit[] = [];
  refuses = false;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: Partial<RTCIceCandidate> | null }) => void) | null = null;

  setLocalDescription(): Promise<void> {
    const answers = this.signalingState === "have-remote-offer";
    this.localDescription = { type: answers ? "answer" : "offer", sdp: "a=ice-ufrag:mine\r\n" };
    this.signalingState = answers ? "stable" : "have-local-offer";
    return Promise.resolve();
  }

  setRemoteDescription(description: Description): Promise<void> {
    if (this.refuses) {
      return Promise.reject(new Error("refused"));
    }
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    return Promise.resolve();
  }

  addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (candidate.usernameFragment === "stale") {
      return Promise.reject(new Error("unknown ufrag"));
    }
    this.taken.push(candidate);
    return Promise.resolve();
  }
}

function meet(polite: boolean) {
  const connection = new FakeConnection();
  const sent: Signal[] = [];
  const happened: string[] = [];
  const negotiation = new Negotiation(connection as unknown as RTCPeerConnection, polite, {
    send: (signal) => sent.push(signal),
    answering: () => happened.push(`answering in ${connection.signalingState}`),
    negotiated: () => happened.push("negotiated"),
    superseded: (offer) => happened.push(`superseded by ${offer.sdp}`),
    stumbled: () => happened.push("stumbled"),
  });
  const types = () => sent.map((signal) => (signal.kind === "description" ? signal.description.type : signal.kind));
  return { connection, negotiation, sent, happened, types };
}

/** Lets the queue of steps run dry. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
const offer = (sdp = "theirs"): Signal => ({ kind: "description", description: { type: "offer", sdp } });
const answer: Signal = { kind: "description", description: { type: "answer", sdp: "theirs" } };
const candidate = (usernameFragment = "theirs"): Signal => ({
  kind: "candidate",
  candidate: { candidate: "candidate:1", sdpMid: "0", usernameFragment },
});

test("an offer is answered, with what is to be sent attached in between", async () => {
  const { negotiation, happened, types } = meet(false);
  negotiation.handle(offer());
  await settled();
  expect(types()).toEqual(["answer"]);
  expect(happened).toEqual(["answering in have-remote-offer", "negotiated"]);
});

test("candidates that come early wait for the description; a stale one harms nothing", async () => {
  const { connection, negotiation, happened } = meet(true);
  negotiation.handle(candidate());
  negotiation.handle(candidate("stale"));
  await settled();
  expect(connection.taken).toHaveLength(0);
  negotiation.handle(offer());
  negotiation.handle({ kind: "end_of_candidates", usernameFragment: "theirs" });
  await settled();
  expect(connection.taken.map((taken) => taken.candidate)).toEqual(["candidate:1", ""]);
  expect(happened).toContain("negotiated");
});

test("when both offer first, the impolite end goes on and the polite one is superseded", async () => {
  const [polite, impolite] = [meet(true), meet(false)];
  for (const end of [polite, impolite]) {
    end.connection.onnegotiationneeded?.();
    end.negotiation.handle(offer("other"));
  }
  await settled();
  expect(impolite.happened).toEqual([]);
  expect(polite.happened).toEqual(["superseded by other"]);
});

test("when both offer later, the polite end rolls back and answers", async () => {
  const { connection, negotiation, types } = meet(true);
  negotiation.handle(offer());
  await settled();
  connection.onnegotiationneeded?.();
  negotiation.handle(offer("again"));
  await settled();
  expect(types()).toEqual(["answer", "offer", "answer"]);
});

test("an answer that nobody waits for is ignored", async () => {
  const { connection, negotiation, happened } = meet(true);
  negotiation.handle(answer);
  await settled();
  expect([connection.remoteDescription, happened]).toEqual([null, []]);
});

test("a description that the browser refuses is told, and the next one is still taken", async () => {
  const { connection, negotiation, happened } = meet(true);
  connection.refuses = true;
  negotiation.handle(offer());
  await settled();
  connection.refuses = false;
  negotiation.handle(offer());
  await settled();
  expect(happened).toEqual(["stumbled", "answering in have-remote-offer", "negotiated"]);
});

test("candidates trickle out, and their end with the generation's name", async () => {
  const { connection, sent } = meet(true);
  connection.onnegotiationneeded?.();
  await settled();
  const found = { candidate: "candidate:2", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "mine" };
  connection.onicecandidate?.({ candidate: found });
  connection.onicecandidate?.({ candidate: { ...found, candidate: "" } });
  connection.onicecandidate?.({ candidate: null });
  expect(sent.slice(1)).toEqual([
    { kind: "candidate", candidate: found },
    { kind: "end_of_candidates", usernameFragment: "mine" },
  ]);
});

test("nothing happens on a connection that was closed", async () => {
  const { connection, negotiation, happened, sent } = meet(true);
  connection.signalingState = "closed";
  negotiation.handle(offer());
  await settled();
  expect([happened, sent]).toEqual([[], []]);
});
