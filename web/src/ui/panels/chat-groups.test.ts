// Owns the proofs about which messages stand together.

import { expect, test } from "vitest";
import type { ChatMessage } from "../../protocol/types";
import { groupMessages } from "./chat-groups";

const message = (number: number, from: string, atMs: number, to?: string): ChatMessage => ({
  number,
  from,
  name: from,
  at_ms: atMs,
  text: "x",
  ...(to === undefined ? {} : { to }),
});

const sizes = (messages: ChatMessage[]) => groupMessages(messages).map((group) => group.length);

test("one writer's words within two minutes stand together", () => {
  expect(sizes([message(1, "a", 0), message(2, "a", 100_000), message(3, "a", 200_000)])).toEqual([3]);
  expect(sizes([message(1, "a", 0), message(2, "a", 120_000)])).toEqual([1, 1]);
});

test("another writer or another reader begins anew", () => {
  expect(sizes([message(1, "a", 0), message(2, "b", 1), message(3, "a", 2)])).toEqual([1, 1, 1]);
  expect(sizes([message(1, "a", 0), message(2, "a", 1, "b"), message(3, "a", 2)])).toEqual([1, 1, 1]);
});
