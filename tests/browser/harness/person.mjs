// Owns one person at a browser: what they do by the names on the screen, what they see, and that their page stayed clean.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { launch } from "./browser.mjs";
import { ARTEFACTS } from "./paths.mjs";
import { describeConnections, looksLike, picture, probe, tones } from "./probe.mjs";
import { until } from "./wait.mjs";

export class Person {
  /** Errors in the console, uncaught exceptions, requests to other origins: there should be none. */
  complaints = [];
  /** Everything that the page said in its console. */
  console = [];

  /**
   * @param {object} options
   * @param {import("./media.mjs").Face} options.face
   * @param {string} options.url where this person finds the server
   * @param {import("playwright-core").BrowserContextOptions} [options.context]
   * @param {RegExp} [options.tolerated] complaints that belong to the test, e.g. of a connection that it cuts
   * @returns {Promise<Person>}
   */
  static async open({ face, url, context = {}, tolerated, ...browser }) {
    const person = new Person();
    person.face = face;
    person.name = face.name;
    person.url = url;
    person.tolerated = tolerated;
    person.browser = await launch({ face, ...browser });
    person.context = await person.browser.newContext({
      locale: "en-GB",
      viewport: { width: 1024, height: 640 },
      colorScheme: "light",
      ...context,
    });
    await person.context.addInitScript(probe);
    person.page = await person.context.newPage();
    person.page.setDefaultTimeout(30_000);
    person.#listen();
    return person;
  }

  #listen() {
    const { page } = this;
    page.on("console", (message) => {
      this.console.push(`${new Date().toISOString()} ${message.type()}: ${message.text()}`);
      if (message.type() === "error") {
        this.complaints.push(`console: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.stack ?? error.message}`));
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== new URL(this.url).origin && !["data:", "blob:"].includes(protocol)) {
        this.complaints.push(`request to ${request.url()}`);
      }
    });
    page.on("websocket", (socket) => {
      if (new URL(socket.url()).host !== new URL(this.url).host) {
        this.complaints.push(`WebSocket to ${socket.url()}`);
      }
    });
  }

  /** Opens the link of a room, up to the prejoin screen. */
  async openRoom(room, query = "") {
    await this.page.goto(`${this.url}/r/${room}${query}`);
  }

  /** Opens the link of a room, gives the name, joins. */
  async join(room, query = "") {
    await this.openRoom(room, query);
    await this.page.getByRole("textbox", { name: "Your name" }).fill(this.name);
    await this.button("Join").click();
    await this.isInRoom();
  }

  isOpen() {
    return this.browser.isConnected();
  }

  async isInRoom() {
    await this.button("Leave").waitFor();
  }

  async leave() {
    await this.button("Leave").click();
  }

  /** @param {string | RegExp} name */
  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** The tile of someone, by name. */
  tile(name) {
    return this.page.getByRole("figure", { name, exact: true });
  }

  /** The names of all tiles. */
  async tiles() {
    const labels = await this.page.getByRole("figure").evaluateAll((figures) => figures.map((figure) => figure.getAttribute("aria-label")));
    return labels.sort();
  }

  /** Opens the chat if it is not open. */
  async openChat() {
    if ((await this.page.getByRole("textbox", { name: "Message" }).count()) === 0) {
      await this.button("Chat").click();
      await this.page.getByRole("textbox", { name: "Message" }).waitFor();
    }
  }

  async say(text) {
    await this.openChat();
    await this.page.getByRole("textbox", { name: "Message" }).fill(text);
    await this.button("Send").click();
  }

  /** Waits until this text stands in the open chat. */
  async reads(text) {
    await this.openChat();
    await this.page.getByText(text, { exact: true }).first().waitFor();
  }

  /** What stands in the open chat, in order; what is still on its way comes last. */
  chat() {
    return this.page.getByRole("log").locator(".chat-text").allTextContents();
  }

  /** Waits until the video of `name` is on the screen and its decoded frames have grown by `frames` from now on. */
  async sees(name, frames = 10, timeoutMs = 60_000) {
    let first = null;
    await until(
      `${this.name} sees ${name}`,
      async () => {
        const now = (await this.tile(name).locator("video").count()) > 0 ? await picture(this.tile(name)) : null;
        first ??= now?.framesDecoded ?? null;
        return now === null ? null : { ...now, first };
      },
      (now) => now?.shown === true && !now.paused && now.width > 0 && first !== null && now.framesDecoded >= first + frames,
      { timeoutMs },
    );
  }

  /** Waits until the picture of `face` is the one that arrives in its tile. */
  async recognises(face, timeoutMs = 30_000) {
    await until(`the picture of ${face.name} arrives at ${this.name}`, () => looksLike(this.tile(face.name), face), Boolean, { timeoutMs });
  }

  /**
   * Waits until the tone of `name` arrives in its tile, may be heard, is the loudest there, and no other tone of `all` is among it.
   * @param {Record<string, number>} all names to tones in Hz
   */
  async hears(name, all, timeoutMs = 40_000) {
    const names = Object.keys(all);
    const own = names.indexOf(name);
    await until(
      `${this.name} hears the tone of ${name} and no other; order ${names}`,
      () => this.measureTones(this.tile(name), Object.values(all)),
      ({ audible, peaksDb, loudestDb }) =>
        audible && peaksDb !== null && peaksDb[own] > -60 && peaksDb[own] > loudestDb - 6 && peaksDb.every((db, index) => index === own || db < peaksDb[own] - 15),
      { timeoutMs },
    );
  }

  /** Waits until nothing of the tone of `name` arrives any more. */
  async hearsNothingOf(name, toneHz, timeoutMs = 30_000) {
    await until(
      `${this.name} hears nothing of ${name}`,
      () => this.measureTones(this.tile(name), [toneHz]),
      ({ peaksDb }) => peaksDb === null || peaksDb[0] < -90,
      { timeoutMs },
    );
  }

  measureTones(tile, tonesHz) {
    return tones(tile, tonesHz);
  }

  async screenshot(name) {
    mkdirSync(ARTEFACTS, { recursive: true });
    const path = join(ARTEFACTS, `${name}.png`);
    await this.page.screenshot({ path, animations: "disabled", timeout: 10_000 });
    return path;
  }

  /** What helps to understand a failure: picture, console, peer connections. What cannot be had is left out. */
  async keepEvidence(name) {
    const [picture, connections] = await Promise.allSettled([this.screenshot(name), within(5000, describeConnections(this.page))]);
    const evidence = { complaints: this.complaints, picture, connections, console: this.console };
    writeFileSync(join(ARTEFACTS, `${name}.json`), JSON.stringify(evidence, null, 1));
  }

  /** Closes the browser; fails when the page complained. */
  async close() {
    const found = await this.findComplaints();
    await this.browser.close();
    assert.deepEqual(found, [], `the page of ${this.name} complained`);
  }

  /** Everything that the page, or its content security policy, complained of so far. */
  async findComplaints() {
    // An error page of the browser has no probe.
    const violations = this.page.url().startsWith(this.url) ? await this.page.evaluate(() => window.__probe.violations) : [];
    return [...this.complaints, ...violations].filter((text) => this.tolerated?.test(text) !== true);
  }
}

/** A page that hangs must not hold up the evidence of the others. */
async function within(timeoutMs, work) {
  const timer = new AbortController();
  const late = pause(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
