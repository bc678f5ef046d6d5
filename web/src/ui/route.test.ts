// Owns the proofs that addresses are read as they are meant.

import { expect, test } from "vitest";
import { NO_WISHES, NO_DETOUR, parseRoute, roomPath, roomUrl } from "./route";

const parse = (address: string) => parseRoute(new URL(address, "https://meet.example"));

test("the root is the start page", () => {
  expect(parse("/")).toEqual({ kind: "landing", refusedRoom: null });
  expect(parse("/r/")).toEqual({ kind: "landing", refusedRoom: null });
  expect(parse("/other/place")).toEqual({ kind: "landing", refusedRoom: null });
});

test("a room's address leads to its prejoin, with or without a slash at the end", () => {
  expect(parse("/r/calm-otter")).toEqual({ kind: "room", room: "calm-otter", wishes: NO_WISHES });
  expect(parse("/r/calm-otter/")).toEqual({ kind: "room", room: "calm-otter", wishes: NO_WISHES });
});

test("a name that no room can have leads to the start page, which says so", () => {
  expect(parse("/r/two%20words")).toEqual({ kind: "landing", refusedRoom: "two words" });
  expect(parse(`/r/${"a".repeat(65)}`)).toEqual({ kind: "landing", refusedRoom: "a".repeat(65) });
  expect(parse("/r/%E5%88%BA%E7%8C%AC")).toEqual({ kind: "landing", refusedRoom: "刺猬" });
});

test("a broken escape is refused, not thrown", () => {
  expect(parse("/r/%E5%88")).toEqual({ kind: "landing", refusedRoom: "%E5%88" });
});

test("the query carries the name and which devices to leave off", () => {
  expect(parse("/r/a?name=%20Ana%20&audio=0&video=0&join=1")).toEqual({
    kind: "room",
    room: "a",
    wishes: { name: "Ana", audio: false, video: false, joinAtOnce: true, resumeToken: null, travel: NO_DETOUR },
  });
});

test("nobody joins at once without a name", () => {
  expect(parse("/r/a?join=1")).toMatchObject({ wishes: { joinAtOnce: false } });
  expect(parse("/r/a?join=1&name=%20")).toMatchObject({ wishes: { name: null, joinAtOnce: false } });
});

test("a handover link brings the token and asks once before it takes the call over", () => {
  expect(parse("/r/a?name=Ana&join=1#resume=t0k")).toMatchObject({ wishes: { resumeToken: "t0k", joinAtOnce: false } });
  expect(parse("/r/a#resume=")).toMatchObject({ wishes: { resumeToken: null, travel: NO_DETOUR } });
});

test("the link for others carries nothing of one's own", () => {
  expect(roomUrl("https://meet.example", "a.b_c-1")).toBe("https://meet.example/r/a.b_c-1");
  expect(parse(roomPath("a.b_c-1"))).toMatchObject({ room: "a.b_c-1" });
});

test("the query can send everything through the server, in a codec of choice", () => {
  const travel = (query: string) => {
    const route = parse(`/r/a${query}`);
    return route.kind === "room" ? route.wishes.travel : null;
  };
  expect(travel("?path=sfu")).toEqual({ viaServer: true, codec: null });
  expect(travel("?path=sfu&codec=av1")).toEqual({ viaServer: true, codec: "av1" });
  expect(travel("?path=moon&codec=h261")).toEqual(NO_DETOUR);
});
