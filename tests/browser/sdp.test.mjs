// Browsers take the answers that stand beside their recorded offers. RECORD=1 records the offers anew instead; after that
// `VISAVIS_GOLDEN=write cargo test --lib sdp` writes the answers.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { launch } from "./harness/browser.mjs";
import { launchFirefox } from "./harness/firefox.mjs";
import { FACES } from "./harness/media.mjs";
import { installOfferAgain, makeOffer, OFFERS, takeAnswer } from "./harness/offers.mjs";

const GOLDEN = fileURLToPath(new URL("../golden/sdp/", import.meta.url));
const RECORD = process.env.RECORD === "1";
const TEST_MS = 60_000;

const BROWSERS = {
  chromium: async () => {
    const browser = await launch({ face: FACES.ann, devices: "several" });
    const context = await browser.newContext();
    return { browser, page: await context.newPage() };
  },
  firefox: async () => {
    const browser = await launchFirefox(FACES.ann.toneHz);
    return { browser, page: await browser.newPage() };
  },
};

for (const [name, open] of Object.entries(BROWSERS)) {
  test(`${name} takes the answers to its offers`, { timeout: TEST_MS }, async (t) => {
    const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>offers</title>"));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { browser, page } = await open();
    t.after(() => browser.close());
    // The name makes it a secure context, which cameras need.
    await page.goto(`http://localhost:${server.address().port}/`);
    await page.evaluate(installOfferAgain);
    for (const [kind, options] of Object.entries(OFFERS)) {
      await t.test(kind, (t) => takes(t, page, `${name}-${kind.replace(" ", "-")}`, options));
    }
  });
}

async function takes(t, page, name, options) {
  const path = (what) => `${GOLDEN}${name}.${what}.sdp`;
  const offer = await page.evaluate(makeOffer, options);
  if (RECORD) {
    writeFileSync(path("offer"), offer);
    return;
  }
  assert.ok(existsSync(path("answer")), `${path("answer")} is there`);
  if (shape(offer) !== shape(readFileSync(path("offer"), "utf8"))) {
    t.skip("This version of the browser offers something else than was recorded; see the head of this file.");
    return;
  }
  const answer = readFileSync(path("answer"), "utf8");
  const before = await page.evaluate(takeAnswer, answer);
  const kinds = (taken, direction) => taken.filter((section) => section.direction === direction).map(({ kind }) => kind);
  const pool = [...Array(3).fill("audio"), ...Array(options.pictures).fill("video")];
  assert.deepEqual(kinds(before, "sendonly"), ["audio", "video", "video", "audio"]);
  assert.deepEqual(kinds(before, "recvonly"), pool);
  const rids = options.encodings === undefined && !["vp9", "av1"].includes(options.codec) ? ["q", "h", "f"] : [null];
  assert.deepEqual(before.find(({ kind }) => kind === "video").rids, rids, "no encoding is refused");
  await t.test("and one after an ICE restart", async () => {
    await page.evaluate(() => window.offerAgain({ iceRestart: true }));
    // Another ICE generation of ours, and the next version of the description.
    const next = answer.replace("o=- 42 1", "o=- 42 2").replaceAll("AbCdEfGh", "AbCdEfGi");
    assert.deepEqual(await page.evaluate(takeAnswer, next), before);
  });
}

/** What an answer refers to: sections, codecs, header extensions, encodings. */
function shape(sdp) {
  const lines = sdp.split("\r\n").filter((line) => /^(m=|a=(rtpmap|fmtp|mid|extmap|rid|simulcast|rtcp-fb)\b)/.test(line));
  return lines.map((line) => line.replace(/^m=(\w+) \d+/, "m=$1")).join("\n");
}
