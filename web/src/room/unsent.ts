// Owns which chat messages are sent again when the session had to start anew.

import type { ChatMessage, ClientMessage, Member, Welcome } from "../protocol/types";
import type { UnsentChat } from "./state";

/**
 * The messages to send again, of those that the server may not have received. For the same participant the server has said
 * exactly how far it came. For a new one the history of the room shows what it has: what oneself wrote under the id of
 * before, after what the page had seen.
 */
export function unsentAfter(
  welcome: Welcome,
  lost: readonly ClientMessage[],
  before: { readonly self: Member | null; readonly chat: readonly ChatMessage[] },
): readonly UnsentChat[] {
  const seen = Math.max(0, ...before.chat.map((message) => message.number));
  const same = before.self?.id === welcome.self.id;
  const delivered = welcome.chat
    .filter((message) => !same && message.from === before.self?.id && message.number > seen)
    .map((message) => message.text);
  const unsent: UnsentChat[] = [];
  for (const message of lost) {
    if (message.type !== "chat") {
      continue;
    }
    const index = message.to === undefined ? delivered.indexOf(message.text) : -1;
    if (index === -1) {
      unsent.push({ text: message.text, to: message.to ?? null });
    } else {
      delivered.splice(index, 1);
    }
  }
  return unsent;
}
