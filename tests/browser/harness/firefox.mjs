// Owns one person at Firefox: the same person as at Chromium, driven over WebDriver BiDi.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { ARTEFACTS } from "./paths.mjs";
import { Person } from "./person.mjs";
import { probe, recordedTones } from "./probe.mjs";
import { until } from "./wait.mjs";

const EXECUTABLES = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

/** Synthetic camera and microphone without a question, loopback for calls within one machine, and no talk with the outside. */
const preferences = (toneHz) => ({
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.navigator.audio.fake_frequency": toneHz,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "media.autoplay.block-webaudio": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "app.update.auto": false,
  "browser.safebrowsing.downloads.remote.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "services.settings.server": "data:,",
});

/** A browser whose microphone hums at this tone. */
export function launchFirefox(toneHz) {
  const executablePath = EXECUTABLES.find((path) => existsSync(path));
  if (executablePath === undefined) {
    throw new Error(`No Firefox: looked for ${EXECUTABLES.join(" and ")}. Install the package firefox-esr.`);
  }
  return puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    protocolTimeout: 60_000,
    extraPrefsFirefox: preferences(toneHz),
    defaultViewport: { width: 1024, height: 640 },
  });
}

/** Its camera shows a plain picture whose colour wanders, so nobody can be told by it; its tone is the face's own. */
export class FirefoxPerson extends Person {
  /** @param {{face: import("./media.mjs").Face, url: string, tolerated?: RegExp}} options */
  static async open({ face, url, tolerated }) {
    const person = new FirefoxPerson();
    Object.assign(person, { face, name: face.name, url, tolerated });
    person.browser = await launchFirefox(face.toneHz);
    person.page = await person.browser.newPage();
    person.page.setDefaultTimeout(30_000);
    await person.page.evaluateOnNewDocument(probe);
    person.page.on("console", (message) => {
      person.console.push(`${new Date().toISOString()} ${message.type()}: ${message.text()}`);
      if (message.type() === "error") {
        person.complaints.push(`console: ${message.text()}`);
      }
    });
    person.page.on("pageerror", (error) => person.complaints.push(`uncaught: ${error.message}`));
    return person;
  }

  isOpen() {
    return this.browser.connected;
  }

  async join(room, query = "") {
    await this.openRoom(room, query);
    await this.page.locator('input[name="name"], input[type="text"]').fill(this.name);
    await this.button("Join").click();
    await this.isInRoom();
  }

  button(name) {
    return this.#element(`button[aria-label=${JSON.stringify(name)}], ::-p-aria([name=${JSON.stringify(name)}][role="button"])`);
  }

  tile(name) {
    return this.#element(`figure[aria-label=${JSON.stringify(name)}]`);
  }

  async tiles() {
    const labels = await this.page.$$eval("figure", (figures) => figures.map((figure) => figure.getAttribute("aria-label")));
    return labels.sort();
  }

  measureTones(tile, tonesHz) {
    return recordedTones(tile, tonesHz);
  }

  async screenshot(name) {
    mkdirSync(ARTEFACTS, { recursive: true });
    const path = join(ARTEFACTS, `${name}.png`);
    await this.page.screenshot({ path });
    return path;
  }

  /** What the shared measures need of a locator. */
  #element(selector) {
    const { page } = this;
    const find = () => until(`${selector} is there`, () => page.$(selector));
    return {
      count: async () => (await page.$$(selector)).length,
      click: async () => (await find()).click(),
      waitFor: async () => void (await find()),
      evaluate: async (act, argument) => (await find()).evaluate(act, argument),
      locator: (inner) => this.#element(`${selector} ${inner}`),
      getByText: (text) => this.#element(`${selector} ::-p-text(${text})`),
    };
  }
}
