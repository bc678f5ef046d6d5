// Owns what surrounds every page outside a room: the wordmark, the language, the middle.

import type { ComponentChildren } from "preact";
import { LanguageSelect } from "./language-select";
import { Wordmark } from "./mark";
import "./frame.css";

/** `onHome` makes the wordmark lead to the start page; the start page itself has none. */
export function Frame({ children, onHome }: { children: ComponentChildren; onHome?: () => void }) {
  return (
    <div class="frame">
      <header class="frame-head">
        {onHome === undefined ? (
          <Wordmark />
        ) : (
          <a
            class="home-link"
            href="/"
            onClick={(event) => {
              event.preventDefault();
              onHome();
            }}
          >
            <Wordmark />
          </a>
        )}
        <LanguageSelect />
      </header>
      <main class="frame-main">{children}</main>
    </div>
  );
}
