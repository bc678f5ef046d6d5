// Owns the start page: a room name and one button.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { LABELS } from "../labels";
import { Fault } from "../parts/fault";
import { Frame } from "../parts/frame";
import { DicesIcon } from "../parts/icons";
import { findRoomNameFault, secureRandom, suggestRoomName, tidyRoomName, type RoomNameFault } from "../room-name";
import { words } from "../words/language";
import "./landing.css";

interface Props {
  /** A room name from the address that cannot be one. */
  readonly refusedRoom: string | null;
  readonly onEnter: (room: string) => void;
}

export function Landing({ refusedRoom, onEnter }: Props) {
  const w = words.value;
  const name = useSignal(suggestRoomName(secureRandom));
  const fault = useSignal<RoomNameFault | null>(null);
  const refused = useSignal(refusedRoom);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    // A phone would open its keyboard over the page.
    if (matchMedia("(hover: hover)").matches) {
      input.current?.focus();
      input.current?.select();
    }
  }, []);

  const submit = (event: Event) => {
    event.preventDefault();
    const room = tidyRoomName(name.value);
    fault.value = findRoomNameFault(room);
    refused.value = null;
    if (fault.value === null) {
      onEnter(room);
    } else {
      input.current?.focus();
    }
  };

  const sentence =
    fault.value !== null ? w.roomFault[fault.value] : refused.value !== null ? w.roomRefused(refused.value) : null;

  return (
    <Frame>
      <div class="landing">
        <h1>{w.tagline}</h1>
        <p class="landing-lead">{w.landingLead}</p>
        <form class="landing-form" onSubmit={submit} noValidate>
          <div class="field">
            <label for="room-name">{w.roomName}</label>
            <div class="landing-name">
              <input
                ref={input}
                id="room-name"
                class="input"
                type="text"
                value={name.value}
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                enterkeyhint="go"
                aria-invalid={sentence !== null}
                aria-describedby={sentence === null ? "room-hint" : "room-fault"}
                onInput={(event) => {
                  name.value = event.currentTarget.value;
                  fault.value = null;
                }}
              />
              <button
                type="button"
                class="icon-button"
                aria-label={w.anotherName}
                data-tip={w.anotherName}
                onClick={() => {
                  name.value = suggestRoomName(secureRandom);
                  fault.value = null;
                }}
              >
                <DicesIcon />
              </button>
            </div>
          </div>
          <button type="submit" class="button landing-go" data-kind="primary" aria-label={LABELS.startOrJoin}>
            {w.startOrJoin}
          </button>
          {sentence === null ? (
            <p class="hint" id="room-hint">
              {w.roomOpenHint}
            </p>
          ) : (
            <Fault id="room-fault" text={sentence} />
          )}
        </form>
      </div>
    </Frame>
  );
}
