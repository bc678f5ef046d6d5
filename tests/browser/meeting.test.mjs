// Three people at real browsers and a headless peer meet in one room.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { keepScreenshot } from "./harness/screenshots.mjs";
import { until } from "./harness/wait.mjs";

const ROOM = "garden";
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };
const PEER_TONE_HZ = 880;

test("three browsers and a headless peer meet", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server();
    const url = server.url;
    const peer = scene.peer({ url, room: ROOM, name: "Robin", flags: { publish: "audio,video", tone: String(PEER_TONE_HZ) } });
    const ann = await scene.person({ face: FACES.ann, url, context: { viewport: DESKTOP } });
    const ben = await scene.person({ face: FACES.ben, url });
    const cleo = await scene.person({ face: FACES.cleo, url });
    const three = [ann, ben, cleo];
    const others = (person, people) => people.filter((other) => other !== person);
    const everyone = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz, Cleo: FACES.cleo.toneHz, Robin: PEER_TONE_HZ };
    let reported = null;

    await scene.step("each comes in", () => Promise.all(three.map((person) => person.join(ROOM))));

    await scene.step("every browser decodes everyone's video, and it is theirs", async () => {
      await Promise.all(
        three.map(async (person) => {
          await person.sees("Robin");
          for (const other of others(person, three)) {
            await person.sees(other.name);
            await person.recognises(other.face);
          }
        }),
      );
    });

    await scene.step("every browser hears each one's own tone in their tile, and no other", async () => {
      for (const person of three) {
        for (const name of Object.keys(everyone).filter((name) => name !== person.name)) {
          await person.hears(name, everyone);
        }
      }
    });

    await scene.step("every link says that it is direct", async () => {
      for (const person of three) {
        for (const name of Object.keys(everyone).filter((name) => name !== person.name)) {
          await person.tile(name).getByText("Direct", { exact: true }).waitFor();
        }
      }
    });

    await scene.step("what one writes, all read, in the same order", async () => {
      const written = ["Good morning from Ann", "Guten Morgen from Ben", "早上好 from Cleo"];
      for (const [index, person] of three.entries()) {
        await person.say(written[index]);
        await Promise.all(three.map((reader) => reader.reads(written[index])));
      }
      for (const reader of three) {
        assert.deepEqual(await reader.chat(), written);
      }
    });

    await scene.step("pictures of the room", async () => {
      await keepScreenshot(ann, "room", { publish: true });
      await ben.page.setViewportSize(PHONE);
      await keepScreenshot(ben, "room-phone-chat");
      await ben.button("Chat").press("Escape");
      await until("the sheet is closed", () => ben.page.getByRole("textbox", { name: "Message" }).count(), (count) => count === 0);
      await keepScreenshot(ben, "room-phone");
      await ben.page.setViewportSize(DESKTOP);
    });

    await scene.step("when one leaves, their tile is gone within 2 s", async () => {
      await cleo.leave();
      const startMs = performance.now();
      await Promise.all(
        [ann, ben].map((person) => until(`Cleo is gone at ${person.name}`, () => person.tile("Cleo").count(), (count) => count === 0, { everyMs: 20 })),
      );
      assert.ok(performance.now() - startMs < 2000, `it took ${performance.now() - startMs} ms`);
      assert.deepEqual(await ann.tiles(), ["Ann", "Ben", "Robin"]);
      await cleo.close();
    });

    await scene.step("who comes late sees and hears everyone, and reads what was written before", async () => {
      const dora = await scene.person({ face: FACES.dora, url });
      await dora.join(ROOM);
      await Promise.all([dora.sees("Ann"), dora.sees("Ben"), dora.sees("Robin"), ann.sees("Dora"), ben.sees("Dora")]);
      await dora.hears("Ann", { ...everyone, Dora: FACES.dora.toneHz });
      await ann.hears("Dora", { ...everyone, Dora: FACES.dora.toneHz });
      await dora.openChat();
      await dora.reads("早上好 from Cleo");
      assert.deepEqual(await dora.chat(), ["Good morning from Ann", "Guten Morgen from Ben", "早上好 from Cleo"]);
    });

    await scene.step("the headless peer received frames and sound from all, and the chat", async () => {
      reported = await peer.leave();
      assert.equal(peer.child.end.code, 0);
      assert.ok(reported.connected);
      assert.deepEqual(reported.errors, []);
      for (const name of ["Ann", "Ben", "Cleo", "Dora"]) {
        const member = reported.members.find((member) => member.name === name);
        assert.equal(member?.path, "direct", name);
        assert.equal(member.left, name === "Cleo", name);
        const frames = (source) => member.tracks.find((track) => track.source === source)?.frames ?? 0;
        assert.ok(frames("camera") >= 15, `${frames("camera")} pictures from ${name}`);
        assert.ok(frames("microphone") >= 50, `${frames("microphone")} packets of sound from ${name}`);
      }
      assert.deepEqual(
        reported.chat.map(({ name, text }) => [name, text]),
        [
          ["Ann", "Good morning from Ann"],
          ["Ben", "Guten Morgen from Ben"],
          ["Cleo", "早上好 from Cleo"],
        ],
      );
      await until("Robin is gone", () => ann.tile("Robin").count(), (count) => count === 0);
    });
  }),
);

test("the screen before a call, light and dark, English and Chinese", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    for (const [colorScheme, locale, name] of [
      ["light", "en-GB", "prejoin-light"],
      ["dark", "en-GB", "prejoin-dark"],
      ["light", "zh-CN", "prejoin-zh"],
    ]) {
      const person = await scene.person({ face: FACES.ann, url, context: { colorScheme, locale, viewport: DESKTOP } });
      await person.openRoom(ROOM);
      await person.page.getByRole("textbox", { name: "Your name" }).fill("Ann");
      await until("the own picture moves", () => person.page.locator("video").first().evaluate((video) => video.currentTime), (timeS) => timeS > 0.3);
      assert.equal(await person.page.evaluate(() => document.documentElement.lang), locale === "zh-CN" ? "zh-CN" : "en");
      await keepScreenshot(person, name);
      await person.close();
    }
  }),
);
