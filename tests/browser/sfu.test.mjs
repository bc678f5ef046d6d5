// Two, then three people whose media goes through the server: pictures, voices, a screen, messages over the data channel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { links } from "./harness/probe.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { keepScreenshot } from "./harness/screenshots.mjs";
import { holds, until } from "./harness/wait.mjs";

const ROOM = "orchard";
const SFU = "?path=sfu";
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const PATH = "Through the server";

/** Runs in the page before anything else: remembers its data channels and what they say. */
function listen() {
  const native = RTCPeerConnection.prototype.createDataChannel;
  window.__channels = [];
  window.__heard = [];
  RTCPeerConnection.prototype.createDataChannel = function (...args) {
    const channel = native.apply(this, args);
    window.__channels.push(channel);
    channel.addEventListener("message", ({ data }) => window.__heard.push(typeof data === "string" ? JSON.parse(data) : data.byteLength));
    return channel;
  };
}

const channels = (person) => person.page.evaluate(() => window.__channels.map(({ label, readyState }) => `${label} ${readyState}`));
const heard = (person, topic) => person.page.evaluate((topic) => window.__heard.filter((message) => message.topic === topic), topic);
const sendBus = (person, message) => person.page.evaluate((message) => window.__channels[0].send(JSON.stringify(message)), message);

test("people meet through the server", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url, context: { viewport: DESKTOP } });
    const ben = await scene.person({ face: FACES.ben, url, context: { viewport: DESKTOP } });
    const cleo = await scene.person({ face: FACES.cleo, url, context: { viewport: DESKTOP } });
    const everyone = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz, Cleo: FACES.cleo.toneHz };
    await Promise.all([ann, ben, cleo].map((person) => person.context.addInitScript(listen)));

    await scene.step("two see each other", async () => {
      await Promise.all([ann.join(ROOM, SFU), ben.join(ROOM, SFU)]);
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      await Promise.all([ann.recognises(FACES.ben), ben.recognises(FACES.ann)]);
    });

    await scene.step("each hears the other's tone", async () => {
      await ann.hears("Ben", everyone);
      await ben.hears("Ann", everyone);
    });

    await scene.step("the tiles say which way it goes, and there is one connection only", async () => {
      await ann.tile("Ben").getByText(PATH, { exact: true }).waitFor();
      await ben.tile("Ann").getByText(PATH, { exact: true }).waitFor();
      for (const person of [ann, ben]) {
        assert.equal((await links(person.page)).length, 1);
      }
    });

    await scene.step("who comes late sees and hears both, and they them", async () => {
      await cleo.join(ROOM, SFU);
      await Promise.all([cleo.sees("Ann"), cleo.sees("Ben"), ann.sees("Cleo"), ben.sees("Cleo")]);
      await Promise.all([cleo.recognises(FACES.ann), cleo.recognises(FACES.ben), ann.recognises(FACES.cleo), ben.recognises(FACES.cleo)]);
      await cleo.hears("Ann", everyone);
      await cleo.hears("Ben", everyone);
      await ann.hears("Cleo", everyone);
    });

    await scene.step("what one says over the data channel, the others get over theirs", async () => {
      for (const person of [ann, ben, cleo]) {
        await until(`the channel of ${person.name} is open`, () => channels(person), (all) => all.includes("bus open"));
      }
      await sendBus(ann, { type: "bus", topic: "poll", data: { votes: 3 } });
      for (const person of [ben, cleo]) {
        await until(`${person.name} gets the message`, () => heard(person, "poll"), ([message]) => message?.data?.votes === 3);
      }
      assert.deepEqual(await heard(ann, "poll"), []);
    });

    await scene.step("a camera that goes off leaves no frozen picture, and comes back", async () => {
      await ben.button("Turn camera off").click();
      await until("no picture of Ben", () => ann.tile("Ben").locator(".avatar").count(), (count) => count === 1);
      await ben.button("Turn camera on").click();
      await ann.sees("Ben");
      await ann.recognises(FACES.ben);
    });

    await scene.step("a microphone that is off is not heard", async () => {
      await ben.button("Mute microphone").click();
      await ann.hearsNothingOf("Ben", FACES.ben.toneHz);
      await ben.button("Unmute microphone").click();
      await ann.hears("Ben", everyone);
    });

    await scene.step("a shared screen takes the stage of the others", async () => {
      await ann.button("Share screen").click();
      for (const person of [ben, cleo]) {
        await person.sees("Ann's screen");
        await person.sees("Ann", 3);
      }
      await keepScreenshot(ben, "sfu-screen");
      await ann.button("Stop sharing").click();
      await until("the screen is gone", () => ben.tile("Ann's screen").count(), (count) => count === 0);
      await ben.recognises(FACES.ann);
    });

    await scene.step("pictures of the room", async () => {
      await keepScreenshot(ann, "sfu-room");
      await ben.page.setViewportSize(PHONE);
      await ben.sees("Ann", 3);
      await keepScreenshot(ben, "sfu-room-phone");
      await ben.page.setViewportSize(DESKTOP);
    });

    await scene.step("when one leaves, their tile is gone and the others go on", async () => {
      await cleo.leave();
      for (const person of [ann, ben]) {
        await until(`Cleo is gone at ${person.name}`, () => person.tile("Cleo").count(), (count) => count === 0);
      }
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      await ann.hears("Ben", everyone);
    });
  }),
);

test("one who goes through the server meets those who also call directly", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url });
    const ben = await scene.person({ face: FACES.ben, url });
    const cleo = await scene.person({ face: FACES.cleo, url });

    await scene.step("two call directly, without a connection to the server", async () => {
      await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      await ann.tile("Ben").getByText("Direct", { exact: true }).waitFor();
      assert.equal((await links(ann.page)).length, 1);
    });

    await scene.step("the third comes through the server; the first two stay direct", async () => {
      await cleo.join(ROOM, SFU);
      await Promise.all([cleo.sees("Ann"), cleo.sees("Ben"), ann.sees("Cleo"), ben.sees("Cleo"), ann.sees("Ben")]);
      await Promise.all([cleo.recognises(FACES.ann), ann.recognises(FACES.cleo), ann.recognises(FACES.ben)]);
      await ann.tile("Cleo").getByText(PATH, { exact: true }).waitFor();
      await ann.tile("Ben").getByText("Direct", { exact: true }).waitFor();
      await holds("still direct", () => ann.tile("Ben").getByText("Direct", { exact: true }).count(), (count) => count === 1, { forMs: 2000 });
    });

    await scene.step("when the third has left, the connection to the server goes down", async () => {
      await cleo.leave();
      await until("one connection again", () => links(ann.page), (all) => all.length === 1, { timeoutMs: 30_000 });
      await ann.sees("Ben");
    });
  }),
);
