// Owns where a chat text holds a web link. Only http and https count; everything else stays text.

export type Piece = { readonly kind: "text"; readonly text: string } | { readonly kind: "link"; readonly text: string; readonly url: string };

const CANDIDATE = /https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uff65]+/giu;
const TRAILING = /[.,;:!?…*_~]+$/u;

export function splitLinks(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const link = trimLink(match[0]);
    const url = readUrl(link);
    if (url === null) {
      continue;
    }
    if (match.index > end) {
      pieces.push({ kind: "text", text: text.slice(end, match.index) });
    }
    pieces.push({ kind: "link", text: link, url });
    end = match.index + link.length;
  }
  if (end < text.length) {
    pieces.push({ kind: "text", text: text.slice(end) });
  }
  return pieces;
}

/** Punctuation at the end belongs to the sentence; a closing bracket does unless the link opened it. */
function trimLink(link: string): string {
  for (;;) {
    const trimmed = link.replace(TRAILING, "");
    const last = trimmed.at(-1);
    const opening = last === ")" ? "(" : last === "]" ? "[" : last === "}" ? "{" : null;
    const orphan = opening !== null && last !== undefined && count(trimmed, last) > count(trimmed, opening);
    const next = orphan ? trimmed.slice(0, -1) : trimmed;
    if (next === link) {
      return link;
    }
    link = next;
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function readUrl(link: string): string | null {
  try {
    const url = new URL(link);
    // A name before the host imitates another site.
    return (url.protocol === "http:" || url.protocol === "https:") && url.username === "" ? url.href : null;
  } catch {
    return null;
  }
}
