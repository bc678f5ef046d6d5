// Owns the modal dialogs of a room: shortcuts, another name, why a link failed.

import { useSignal } from "@preact/signals";
import { assertNever } from "../../assert";
import type { Meeting } from "../../room/meeting";
import type { Reach } from "../../room/reach";
import { findDisplayNameFault, type DisplayNameFault } from "../display-name";
import { LABELS } from "../labels";
import { Dialog } from "../parts/dialog";
import { Fault } from "../parts/fault";
import { words } from "../words/language";
import type { RoomUi } from "./room-ui";
import { SHORTCUTS } from "./shortcuts";
import "./dialogs.css";

interface Props {
  readonly meeting: Meeting;
  readonly ui: RoomUi;
  readonly ownName: string;
  readonly onRenamed: (name: string) => void;
}

export function Dialogs({ meeting, ui, ownName, onRenamed }: Props) {
  const open = ui.dialog.value;
  const close = () => {
    ui.dialog.value = null;
  };
  switch (open?.kind) {
    case undefined:
      return null;
    case "shortcuts":
      return <ShortcutList onClose={close} />;
    case "rename":
      return (
        <Rename
          name={ownName}
          onClose={close}
          onSave={(name) => {
            meeting.rename(name);
            onRenamed(name);
            close();
          }}
        />
      );
    case "why":
      return <Why name={open.name} reach={open.reach} onClose={close} />;
    default:
      return assertNever(open);
  }
}

function ShortcutList({ onClose }: { onClose: () => void }) {
  const w = words.value;
  return (
    <Dialog title={w.shortcuts} onClose={onClose}>
      <dl class="shortcut-list">
        {SHORTCUTS.map(({ shortcut, key }) => (
          <div key={shortcut}>
            <dt>
              <kbd>{key ?? w.spaceKey}</kbd>
            </dt>
            <dd>{w.shortcut[shortcut]}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function Rename({ name, onClose, onSave }: { name: string; onClose: () => void; onSave: (name: string) => void }) {
  const w = words.value;
  const typed = useSignal(name);
  const fault = useSignal<DisplayNameFault | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    fault.value = findDisplayNameFault(typed.value);
    if (fault.value === null) {
      onSave(typed.value.trim());
    }
  };
  return (
    <Dialog title={w.renameTitle} onClose={onClose}>
      <form class="field" onSubmit={submit} noValidate>
        <input
          class="input"
          type="text"
          aria-label={LABELS.yourName}
          value={typed.value}
          autocomplete="name"
          maxLength={128}
          autofocus
          aria-invalid={fault.value !== null}
          aria-describedby={fault.value === null ? undefined : "rename-fault"}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
            fault.value = null;
          }}
        />
        {fault.value === null ? null : <Fault id="rename-fault" text={w.nameFault[fault.value]} />}
        <div class="dialog-actions">
          <button type="button" class="button" data-kind="quiet" onClick={onClose}>
            {w.cancel}
          </button>
          <button type="submit" class="button" data-kind="primary">
            {w.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Why({ name, reach, onClose }: { name: string; reach: Reach; onClose: () => void }) {
  const w = words.value;
  return (
    <Dialog title={w.whyTitle} onClose={onClose}>
      <p>{reach === "server" ? w.whyServer : w.whyNetworks(name)}</p>
      <p>{reach === "server" ? w.whyServerHelp : w.whyHelp}</p>
      <p>{w.whyChat}</p>
    </Dialog>
  );
}
