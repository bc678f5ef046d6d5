// Owns what is said while nobody else is here: how to bring them.

import { CopyLink } from "../parts/copy-link";
import { roomUrl } from "../route";
import { words } from "../words/language";
import "./alone-hint.css";

export function AloneHint({ room }: { room: string }) {
  const w = words.value;
  return (
    <aside class="alone-hint" aria-label={w.aloneTitle}>
      <h2>{w.aloneTitle}</h2>
      <p class="hint">{w.aloneHint}</p>
      <CopyLink url={roomUrl(location.origin, room)} />
    </aside>
  );
}
