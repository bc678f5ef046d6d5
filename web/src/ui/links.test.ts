// Owns the proofs that only web links become links, and all of the text stays.

import { expect, test } from "vitest";
import { splitLinks } from "./links";

const linksIn = (text: string) => splitLinks(text).flatMap((piece) => (piece.kind === "link" ? [piece.text] : []));

test("a link stands apart from the sentence around it", () => {
  expect(splitLinks("See https://example.org/a?b=1#c, then answer.")).toEqual([
    { kind: "text", text: "See " },
    { kind: "link", text: "https://example.org/a?b=1#c", url: "https://example.org/a?b=1#c" },
    { kind: "text", text: ", then answer." },
  ]);
});

test("other schemes stay text", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://example.org", "mailto:a@b.c", "example.org"]) {
    expect(linksIn(text)).toEqual([]);
  }
});

test("a name before the host, which imitates another site, stays text", () => {
  expect(linksIn("https://example.org@evil.example/")).toEqual([]);
});

test("brackets belong to a link that opened them", () => {
  expect(linksIn("(https://example.org/a)")).toEqual(["https://example.org/a"]);
  expect(linksIn("https://example.org/a_(b)")).toEqual(["https://example.org/a_(b)"]);
  expect(linksIn("[https://example.org].")).toEqual(["https://example.org"]);
});

test("Chinese punctuation ends a link", () => {
  expect(linksIn("请看https://example.org/a。谢谢")).toEqual(["https://example.org/a"]);
});

test("nothing of the text is lost, whatever it holds", () => {
  for (const text of ["", "no link", "https://", "http://a http://b", "x https://example.org/a)))).. y", "https://[::1"]) {
    expect(splitLinks(text).map((piece) => piece.text).join("")).toBe(text);
  }
});
