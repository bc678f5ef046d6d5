// Owns the proofs about the way through the page.

import { signal, type Signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { JoinOptions } from "../room/meeting";
import type { EndReason, RoomState } from "../room/state";
import { fakeMedia, fakeMeeting, fakeMember } from "./gallery/fakes";
import { createJourney } from "./journey";

function open(path: string, recalled = "") {
  let address = new URL(path, "https://meet.example");
  const joins: JoinOptions[] = [];
  const states: Signal<RoomState>[] = [];
  const remembered: string[] = [];
  const media = fakeMedia({ camera: "off" });
  const go = (next: string) => {
    address = new URL(next, address);
  };
  const journey = createJourney({
    createMedia: () => media,
    joinRoom: (options) => {
      joins.push(options);
      const state = signal<RoomState>({
        room: options.room,
        connection: { kind: "connected" },
        self: fakeMember("me", options.name),
        ownQuality: null,
        participants: [],
        chat: [],
        unsent: [],
        policy: null,
        position: null,
        speaker: null,
        notices: [],
      });
      states.push(state);
      return fakeMeeting(state);
    },
    address: { read: () => address, push: go, replace: go },
    recallName: () => recalled,
    rememberName: (name) => remembered.push(name),
  });
  journey.follow();
  const end = async (reason: EndReason) => {
    const state = states.at(-1);
    if (state !== undefined) {
      state.value = { ...state.value, connection: { kind: "ended", reason } };
    }
    await Promise.resolve();
  };
  return { journey, joins, media, remembered, end, address: () => `${address.pathname}${address.search}${address.hash}` };
}

test("from the start page over prejoin into the room and out again", () => {
  const { journey, joins, remembered, address } = open("/");
  journey.enter("calm-otter");
  expect(address()).toBe("/r/calm-otter");
  expect(journey.place.value.kind).toBe("prejoin");
  journey.join("Ana");
  expect(journey.place.value.kind).toBe("room");
  expect(remembered).toEqual(["Ana"]);
  journey.leave();
  expect(journey.place.value).toEqual({ kind: "ended", room: "calm-otter", reason: { kind: "left" } });
  expect(joins[0]?.signal.aborted).toBe(true);
});

test("a link with a name and join=1 goes straight in, with the devices it wants", () => {
  const { journey, joins, media } = open("/r/a?name=Ana&audio=0&video=0&join=1");
  expect(journey.place.value.kind).toBe("room");
  expect(joins).toMatchObject([{ room: "a", name: "Ana" }]);
  expect(media.state.value).toMatchObject({ microphone: "off", camera: "off" });
});

test("a name that cannot be one is asked for, not sent", () => {
  const { journey, joins } = open(`/r/a?name=${"x".repeat(65)}&join=1`);
  expect(journey.place.value.kind).toBe("prejoin");
  expect(joins).toEqual([]);
});

test("a handover's token leaves the address at once and goes into the join", () => {
  const { journey, joins, address } = open("/r/a#resume=t0k", "Ana");
  expect(address()).toBe("/r/a");
  expect(journey.place.value.kind).toBe("prejoin");
  journey.join("Ana");
  expect(joins).toMatchObject([{ resumeToken: "t0k" }]);
});

test("rejoining keeps the name, without the token", async () => {
  const { journey, joins, end } = open("/r/a#resume=t0k", "Someone");
  journey.join("Ana");
  await end({ kind: "replaced" });
  expect(journey.place.value).toMatchObject({ kind: "ended", reason: { kind: "replaced" } });
  journey.rejoin();
  expect(joins).toHaveLength(2);
  expect(joins[1]).toMatchObject({ room: "a", name: "Ana" });
  expect(joins[1]).not.toHaveProperty("resumeToken");
});

test("the devices are released at the end and come back as they were", async () => {
  const { journey, media } = open("/r/a?name=Ana&video=0&join=1");
  await Promise.resolve();
  expect(media.state.value.microphone).toBe("on");
  journey.leave();
  expect(media.state.value.microphone).toBe("off");
  journey.rejoin();
  expect(media.state.value).toMatchObject({ microphone: "on", camera: "off" });
});

test("going back in the browser leaves the room", () => {
  const { journey, joins } = open("/r/a?name=Ana&video=0&join=1");
  journey.home();
  expect(journey.place.value.kind).toBe("landing");
  expect(joins[0]?.signal.aborted).toBe(true);
});
