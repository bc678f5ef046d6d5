// Owns the screen before a call: your face, your name, one button.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Media } from "../../room/meeting";
import { findDisplayNameFault, type DisplayNameFault } from "../display-name";
import { LABELS } from "../labels";
import { DeviceNote } from "../parts/device-note";
import { DeviceSelect } from "../parts/device-select";
import { Fault } from "../parts/fault";
import { Frame } from "../parts/frame";
import { words } from "../words/language";
import { Preview } from "./preview";
import "./prejoin.css";

interface Props {
  readonly room: string;
  readonly media: Media;
  readonly name: string;
  /** The call comes from another device. */
  readonly handover: boolean;
  readonly onJoin: (name: string) => void;
  readonly onHome: () => void;
}

export function Prejoin({ room, media, name: initialName, handover, onJoin, onHome }: Props) {
  const w = words.value;
  const name = useSignal(initialName);
  const fault = useSignal<DisplayNameFault | null>(null);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (initialName === "" && matchMedia("(hover: hover)").matches) {
      input.current?.focus();
    }
  }, [initialName]);

  const submit = (event: Event) => {
    event.preventDefault();
    fault.value = findDisplayNameFault(name.value);
    if (fault.value === null) {
      onJoin(name.value.trim());
    } else {
      input.current?.focus();
    }
  };

  return (
    <Frame onHome={onHome}>
      <div class="prejoin">
        <Preview media={media} name={name.value.trim()} />
        <form class="prejoin-form" onSubmit={submit} noValidate>
          <div class="prejoin-head">
            <p class="prejoin-room">{room}</p>
            <h1>{handover ? w.handoverTitle : w.prejoinTitle}</h1>
            {handover ? <p class="hint">{w.handoverHint}</p> : null}
          </div>
          <div class="field">
            <label for="your-name">{w.yourName}</label>
            <input
              ref={input}
              id="your-name"
              class="input"
              type="text"
              aria-label={LABELS.yourName}
              value={name.value}
              autocomplete="name"
              enterkeyhint="go"
              maxLength={128}
              aria-invalid={fault.value !== null}
              aria-describedby={fault.value === null ? undefined : "name-fault"}
              onInput={(event) => {
                name.value = event.currentTarget.value;
                fault.value = null;
              }}
            />
            {fault.value === null ? null : <Fault id="name-fault" text={w.nameFault[fault.value]} />}
          </div>
          <button type="submit" class="button prejoin-go" data-kind="primary" aria-label={LABELS.join}>
            {w.join}
          </button>
          <Lost media={media} />
          <DeviceNote media={media} device="microphone" />
          <DeviceNote media={media} device="camera" />
          <div class="prejoin-devices">
            <DeviceSelect media={media} kind="audioinput" />
            <DeviceSelect media={media} kind="videoinput" />
            <DeviceSelect media={media} kind="audiooutput" />
          </div>
        </form>
      </div>
    </Frame>
  );
}

/** A device that went away while it was in use; within a call the notices tell this. */
function Lost({ media }: { media: Media }) {
  const { troubles } = media.state.value;
  const last = troubles[troubles.length - 1];
  return (
    <p class="hint" role="status">
      {last?.kind === "device-lost" ? words.value.deviceLostNotice(last.label) : null}
    </p>
  );
}
