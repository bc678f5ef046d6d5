// Owns which chat messages stand together under one name.

import type { ChatMessage } from "../../protocol/types";

const TOGETHER_MS = 120_000;

/** Messages of one writer to the same readers, each within two minutes of the one before. */
export function groupMessages(messages: readonly ChatMessage[]): [ChatMessage, ...ChatMessage[]][] {
  const groups: [ChatMessage, ...ChatMessage[]][] = [];
  for (const message of messages) {
    const group = groups[groups.length - 1];
    const last = group?.[group.length - 1];
    if (group !== undefined && last !== undefined && belongs(last, message)) {
      group.push(message);
    } else {
      groups.push([message]);
    }
  }
  return groups;
}

function belongs(last: ChatMessage, message: ChatMessage): boolean {
  return last.from === message.from && last.to === message.to && last.name === message.name && message.at_ms - last.at_ms < TOGETHER_MS;
}
