// Owns a link that can be read, copied and handed to another app.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { words } from "../words/language";
import { CheckIcon, CopyIcon } from "./icons";
import "./copy-link.css";

const SHOWN_MS = 2500;

export function CopyLink({ url }: { url: string }) {
  const w = words.value;
  const outcome = useSignal<"copied" | "refused" | null>(null);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (outcome.value !== "copied") {
      return undefined;
    }
    const timer = setTimeout(() => {
      outcome.value = null;
    }, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome.value, outcome]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url);
      outcome.value = "copied";
    } catch {
      // Insecure pages have no clipboard; the link stands there selected.
      field.current?.select();
      outcome.value = "refused";
    }
  };

  return (
    <div class="copy-link">
      <input ref={field} class="input" type="text" readOnly value={url} aria-label={w.inviteLink} onFocus={(event) => event.currentTarget.select()} />
      <button type="button" class="button" data-kind="primary" data-autofocus onClick={() => void copy()}>
        {outcome.value === "copied" ? <CheckIcon /> : <CopyIcon />}
        <span role="status">{outcome.value === "copied" ? w.copied : w.copyLink}</span>
      </button>
      {outcome.value === "refused" ? (
        <p class="hint" role="alert">
          {w.copyByHand}
        </p>
      ) : null}
    </div>
  );
}

/** The sheet of the phone that sends a link by other apps. */
export const canShareLink = typeof navigator !== "undefined" && typeof navigator.share === "function";

export async function shareLink(url: string): Promise<void> {
  try {
    await navigator.share({ url });
  } catch {
    // The person closed the sheet.
  }
}
