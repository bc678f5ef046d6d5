// Owns the proofs about what counts as unread.

import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { ChatMessage } from "../../protocol/types";
import type { RoomState } from "../../room/state";
import { fakeMeeting, fakeMember } from "../gallery/fakes";
import { createRoomUi } from "./room-ui";

const message = (number: number, from: string): ChatMessage => ({ number, from, name: from, at_ms: number * 1000, text: "x" });

function openRoom(chat: ChatMessage[]) {
  const state = signal<RoomState>({
    room: "r",
    connection: { kind: "joining" },
    self: null,
    ownQuality: null,
    participants: [],
    chat: [],
    unsent: [],
    policy: null,
    position: null,
    speaker: null,
    notices: [],
  });
  const ui = createRoomUi(fakeMeeting(state), new AbortController().signal);
  state.value = { ...state.value, connection: { kind: "connected" }, self: fakeMember("me", "Me"), chat };
  const say = (...messages: ChatMessage[]) => {
    state.value = { ...state.value, chat: [...state.value.chat, ...messages] };
  };
  return { ui, say };
}

test("what was said before one came is not unread", () => {
  expect(openRoom([message(1, "ana"), message(2, "bo")]).ui.unread.value).toBe(0);
});

test("what others say while the chat is closed is unread, one's own words are not", () => {
  const { ui, say } = openRoom([message(1, "ana")]);
  say(message(2, "ana"), message(3, "me"), message(4, "bo"));
  expect(ui.unread.value).toBe(2);
});

test("opening the chat reads everything, and what comes while it is open", () => {
  const { ui, say } = openRoom([]);
  say(message(1, "ana"));
  ui.togglePanel("chat", null);
  expect(ui.unread.value).toBe(0);
  say(message(2, "ana"));
  ui.closePanel();
  expect(ui.unread.value).toBe(0);
  say(message(3, "ana"));
  expect(ui.unread.value).toBe(1);
});

test("one panel is open at a time, and its button closes it", () => {
  const { ui } = openRoom([]);
  ui.togglePanel("chat", null);
  ui.togglePanel("people", null);
  expect(ui.panel.value?.kind).toBe("people");
  ui.togglePanel("people", null);
  expect(ui.panel.value).toBeNull();
});
