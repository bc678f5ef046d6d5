// Owns the line that tells how it stands with the server.

import { useEffect, useState } from "preact/hooks";
import type { Connection } from "../../room/state";
import { WifiOffIcon } from "../parts/icons";
import { formatSeconds } from "../words/format";
import { words } from "../words/language";
import "./banner.css";

export function Banner({ connection }: { connection: Connection }) {
  const w = words.value;
  return (
    <div role="status">
      {connection.kind === "reconnecting" ? (
        <p class="banner">
          <WifiOffIcon />
          <span>{w.reconnecting}</span>
          <Countdown untilMs={connection.retryAtMs} />
        </p>
      ) : null}
    </div>
  );
}

/** Counts for the eyes only: read aloud every second it would drown the call. */
function Countdown({ untilMs }: { untilMs: number }) {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    setNowMs(Date.now());
    const timer = setInterval(() => setNowMs(Date.now()), 250);
    return () => clearInterval(timer);
  }, [untilMs]);

  const w = words.value;
  const seconds = Math.ceil((untilMs - nowMs) / 1000);
  return (
    <span class="banner-countdown" aria-hidden="true">
      {seconds > 0 ? w.retryIn(formatSeconds(seconds)) : w.retryNow}
    </span>
  );
}
