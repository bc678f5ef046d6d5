// Owns the small messages that come and go; the same element speaks them to screen readers, politely.

import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Meeting } from "../../room/meeting";
import type { Notice } from "../../room/state";
import { formatList } from "../words/format";
import { words } from "../words/language";
import { composeSentences, Merger } from "./notices";
import type { RoomUi } from "./room-ui";
import "./toasts.css";

interface Toast {
  readonly number: number;
  readonly sentences: readonly string[];
}

const SHOWN_MS = 6000;
const TOASTS_MAX = 3;

export function Toasts({ meeting, ui }: { meeting: Meeting; ui: RoomUi }) {
  const toasts = useSignal<readonly Toast[]>([]);

  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    let seen = -Infinity;

    const show = (notices: readonly Notice[]) => {
      const toast = { number: Date.now(), sentences: composeSentences(notices, words.peek(), formatList) };
      toasts.value = [...toasts.peek(), toast].slice(-TOASTS_MAX);
      const timer = setTimeout(() => {
        timers.delete(timer);
        toasts.value = toasts.peek().filter((other) => other !== toast);
      }, SHOWN_MS);
      timers.add(timer);
    };
    const clock = {
      nowMs: () => Date.now(),
      after: (delayMs: number, task: () => void) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const merger = new Merger(clock, show);
    const stop = effect(() => {
      const { notices } = meeting.state.value;
      const fresh = notices.filter((notice) => notice.number > seen);
      seen = Math.max(seen, newestNumber(notices));
      for (const notice of fresh) {
        giveBack(notice, ui);
      }
      // An open chat shows and speaks its messages itself.
      const chatOpen = ui.panel.peek()?.kind === "chat";
      merger.add(fresh.filter((notice) => !(chatOpen && notice.kind === "chat")));
    });
    return () => {
      stop();
      merger.stop();
      timers.forEach(clearTimeout);
    };
  }, [meeting, ui, toasts]);

  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div class="toast" key={toast.number}>
          {toast.sentences.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
      ))}
    </div>
  );
}

function newestNumber(notices: readonly Notice[]): number {
  return notices[notices.length - 1]?.number ?? -Infinity;
}

/** A message that was not taken goes back to where it was typed, if nothing else is there. */
function giveBack(notice: Notice, ui: RoomUi): void {
  if (notice.kind === "unsent" && notice.text !== null && ui.draft.peek() === "") {
    ui.draft.value = notice.text;
  }
}
