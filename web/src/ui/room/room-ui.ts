// Owns what only this page knows about a room: what is open, what is enlarged, what has been read.

import { computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { ChatMessage, ParticipantId } from "../../protocol/types";
import type { Meeting } from "../../room/meeting";
import type { Reach } from "../../room/reach";
import type { RoomState } from "../../room/state";
import type { TileKey } from "./arrangement";

export type PanelKind = "chat" | "people" | "invite" | "details";

export interface OpenPanel {
  readonly kind: PanelKind;
  /** Where the focus returns to. */
  readonly opener: HTMLElement | null;
}

export type OpenDialog =
  | { readonly kind: "shortcuts" }
  | { readonly kind: "rename" }
  | { readonly kind: "why"; readonly name: string; readonly reach: Reach };

export interface RoomUi {
  readonly panel: ReadonlySignal<OpenPanel | null>;
  readonly dialog: Signal<OpenDialog | null>;
  /** The tile that the person has enlarged. */
  readonly pinned: Signal<TileKey | null>;
  readonly page: Signal<number>;
  /** To whom the next message goes; null: to everyone. */
  readonly recipient: Signal<ParticipantId | null>;
  /** What has been typed and not sent, kept while the panel is closed. */
  readonly draft: Signal<string>;
  /** The device whose trouble is explained over the stage. */
  readonly explained: Signal<readonly ("microphone" | "camera")[]>;
  readonly unread: ReadonlySignal<number>;
  readonly togglePanel: (kind: PanelKind, opener: HTMLElement | null) => void;
  readonly closePanel: () => void;
  readonly togglePin: (key: TileKey) => void;
}

/** `signal` ends what watches the meeting. */
export function createRoomUi(meeting: Meeting, lifetime: AbortSignal): RoomUi {
  const panel = signal<OpenPanel | null>(null);
  const pinned = signal<TileKey | null>(null);
  const readUntilMs = signal<number | null>(null);

  const stop = effect(() => {
    const { chat, connection } = meeting.state.value;
    const open = panel.value?.kind === "chat";
    // What was said before one came is history, not news.
    if (connection.kind === "connected" && (open || readUntilMs.peek() === null)) {
      readUntilMs.value = newestMs(chat);
    }
  });
  lifetime.addEventListener("abort", stop, { once: true });

  return {
    panel,
    dialog: signal(null),
    pinned,
    page: signal(0),
    recipient: signal(null),
    draft: signal(""),
    explained: signal(["microphone", "camera"]),
    unread: computed(() => countUnread(meeting.state.value, readUntilMs.value)),
    togglePanel: (kind, opener) => {
      panel.value = panel.peek()?.kind === kind ? null : { kind, opener };
    },
    closePanel: () => {
      panel.value = null;
    },
    togglePin: (key) => {
      pinned.value = pinned.peek() === key ? null : key;
    },
  };
}

export function countUnread({ chat, self }: Pick<RoomState, "chat" | "self">, readUntilMs: number | null): number {
  return readUntilMs === null ? 0 : chat.filter((message) => message.at_ms > readUntilMs && message.from !== self?.id).length;
}

function newestMs(chat: readonly ChatMessage[]): number {
  return chat.reduce((newest, message) => Math.max(newest, message.at_ms), 0);
}
