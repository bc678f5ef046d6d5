// Owns the chat: what was said, and the box to say something.

import { useEffect, useRef } from "preact/hooks";
import type { ChatMessage, ParticipantId } from "../../protocol/types";
import type { Meeting } from "../../room/meeting";
import type { RoomState, UnsentChat } from "../../room/state";
import { LABELS } from "../labels";
import { splitLinks } from "../links";
import { SendIcon } from "../parts/icons";
import { SelectBox } from "../parts/select-box";
import type { RoomUi } from "../room/room-ui";
import { formatTime } from "../words/format";
import { words } from "../words/language";
import { groupMessages } from "./chat-groups";
import "./chat-panel.css";

export function ChatPanel({ meeting, ui }: { meeting: Meeting; ui: RoomUi }) {
  const state = meeting.state.value;
  return (
    <div class="chat">
      <Messages state={state} />
      <Composer meeting={meeting} ui={ui} state={state} />
    </div>
  );
}

function Messages({ state }: { state: RoomState }) {
  const w = words.value;
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const count = state.chat.length + state.unsent.length;

  useEffect(() => {
    // Whoever reads further up is left there.
    if (atEnd.current) {
      list.current?.scrollTo({ top: list.current.scrollHeight });
    }
  }, [count]);

  const nowMs = Date.now();
  return (
    <div
      ref={list}
      class="chat-list"
      role="log"
      aria-label={w.chat}
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
        atEnd.current = scrollTop + clientHeight > scrollHeight - 40;
      }}
    >
      {count === 0 ? <p class="hint chat-empty">{w.chatEmpty}</p> : null}
      {groupMessages(state.chat).map((group) => {
        const [first] = group;
        const own = first.from === state.self?.id;
        return (
          <section class="chat-group" data-own={own} key={`${first.at_ms} ${first.number} ${first.from}`}>
            <p class="chat-head">
              <span class="chat-name">{own ? w.you : first.name}</span>
              <time dateTime={new Date(first.at_ms).toISOString()}>{formatTime(first.at_ms, nowMs)}</time>
              {first.to === undefined ? null : <span class="chat-private">{own ? w.onlyTo(nameOf(state, first.to)) : w.onlyToYou}</span>}
            </p>
            {group.map((message) => (
              <MessageText key={`${message.at_ms} ${message.number}`} text={message.text} />
            ))}
          </section>
        );
      })}
      {state.unsent.map((message, index) => (
        <Unsent key={index} message={message} state={state} />
      ))}
    </div>
  );
}

function Unsent({ message, state }: { message: UnsentChat; state: RoomState }) {
  const w = words.value;
  return (
    <section class="chat-group" data-own="true" data-unsent="true">
      <p class="chat-head">
        <span class="chat-name">{w.you}</span>
        <span>{state.connection.kind === "connected" ? w.sending : w.waiting}</span>
        {message.to === null ? null : <span class="chat-private">{w.onlyTo(nameOf(state, message.to))}</span>}
      </p>
      <MessageText text={message.text} />
    </section>
  );
}

function MessageText({ text }: { text: string }) {
  return (
    <p class="chat-text">
      {splitLinks(text).map((piece, index) =>
        piece.kind === "link" ? (
          <a key={index} href={piece.url} target="_blank" rel="noopener noreferrer">
            {piece.text}
          </a>
        ) : (
          piece.text
        ),
      )}
    </p>
  );
}

/** The server's bound on a text (protocol.md). */
const TEXT_BYTES_MAX = 8192;

function Composer({ meeting, ui, state }: { meeting: Meeting; ui: RoomUi; state: RoomState }) {
  const w = words.value;
  const box = useRef<HTMLTextAreaElement>(null);
  const recipient = ui.recipient.value;
  const others = state.participants.map((participant) => participant.member);
  const gone = recipient !== null && !others.some((member) => member.id === recipient);
  const text = ui.draft.value;
  const tooLong = new TextEncoder().encode(text.trim()).length > TEXT_BYTES_MAX;
  const sendable = text.trim() !== "" && !tooLong && !gone;

  useEffect(() => {
    box.current?.focus();
  }, [recipient]);
  useEffect(() => {
    grow(box.current);
  }, [text]);

  const send = () => {
    if (sendable) {
      meeting.sendChat(text.trim(), recipient ?? undefined);
      ui.draft.value = "";
      box.current?.focus();
    }
  };

  return (
    <form
      class="chat-form"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="chat-to">
        <span>{w.sendTo}</span>
        <SelectBox>
          <select
          class="input"
          value={recipient ?? ""}
          onChange={(event) => {
            ui.recipient.value = event.currentTarget.value === "" ? null : event.currentTarget.value;
          }}
        >
          <option value="">{w.everyone}</option>
          {others.map((member) => (
            <option key={member.id} value={member.id}>
              {w.onlyTo(member.name)}
            </option>
          ))}
          {gone ? <option value={recipient}>{w.onlyTo(nameOf(state, recipient))}</option> : null}
          </select>
        </SelectBox>
      </label>
      {gone ? (
        <p class="hint" role="alert">
          {w.recipientGone(nameOf(state, recipient))}
        </p>
      ) : null}
      {tooLong ? (
        <p class="hint" role="alert">
          {w.messageTooLong}
        </p>
      ) : null}
      <div class="chat-compose">
        <textarea
          ref={box}
          class="input"
          rows={1}
          aria-label={LABELS.message}
          placeholder={w.message}
          enterkeyhint="send"
          value={text}
          data-autofocus
          onInput={(event) => {
            ui.draft.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            // While an input method is open, Enter chooses a word.
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
              event.preventDefault();
              send();
            }
          }}
        />
        <button type="submit" class="icon-button chat-send" aria-label={LABELS.send} aria-disabled={!sendable}>
          <SendIcon />
        </button>
      </div>
    </form>
  );
}

function grow(box: HTMLTextAreaElement | null): void {
  if (box !== null) {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }
}

/** Also of someone who has left, as far as the chat remembers. */
function nameOf(state: RoomState, id: ParticipantId): string {
  const member = state.participants.find((participant) => participant.member.id === id)?.member;
  return member?.name ?? lastName(state.chat, id) ?? words.value.someone;
}

function lastName(chat: readonly ChatMessage[], id: ParticipantId): string | undefined {
  return chat.filter((message) => message.from === id).pop()?.name;
}
