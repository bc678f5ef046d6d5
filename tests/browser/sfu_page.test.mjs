// What the page makes of slots that change hands, pause, and grow in number, before a stand-in for the SFU.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { lastView, offers, readHues, shownHue, standIn } from "./harness/standin.mjs";
import { holds, until } from "./harness/wait.mjs";

const HUES = { Ben: 0, Cleo: 120, Dora: 240 };
const near = (hue, wanted) => hue !== null && Math.min(Math.abs(hue - wanted), 360 - Math.abs(hue - wanted)) < 25;

test("slots that change hands, pause and grow", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url, args: ["--allow-loopback-in-peer-connection"], context: { viewport: { width: 1280, height: 800 } } });
    const { page } = ann;
    await ann.context.addInitScript(standIn, Object.keys(HUES));
    await ann.context.addInitScript(readHues);
    const assign = (...slots) => page.evaluate((slots) => window.__standIn.assign(slots), slots);
    const shows = (name, hue) => until(`the tile of ${name} shows hue ${hue}`, () => shownHue(ann.tile(name)), (seen) => near(seen, hue));

    await scene.step("the page offers once, and asks for what it shows in the pixels of the device", async () => {
      await ann.join("room", "?path=sfu");
      await until("it asks for three cameras", () => lastView(page), (view) => view?.length === 3);
      const [tile, view] = [await ann.tile("Ben").boundingBox(), await lastView(page)];
      assert.deepEqual(view.map(({ name, source, pinned }) => `${name} ${source} ${pinned}`), ["Ben camera false", "Cleo camera false", "Dora camera false"]);
      assert.deepEqual([view[0].width, view[0].height], [Math.round(tile.width), Math.round(tile.height)]);
      const [offer, ...more] = await offers(page);
      assert.equal(more.length, 0);
      assert.deepEqual(offer.sends.map(({ source }) => source), ["microphone", "camera", "screen", "screen_sound"]);
      await ann.tile("Ben").getByText("Through the server", { exact: true }).waitFor();
    });

    await scene.step("each picture shows in the tile of its sender", async () => {
      await assign({ slot: 0, name: "Ben", hue: HUES.Ben }, { slot: 1, name: "Cleo", hue: HUES.Cleo });
      await Promise.all([shows("Ben", HUES.Ben), shows("Cleo", HUES.Cleo)]);
      assert.equal(await shownHue(ann.tile("Dora")), null);
    });

    await scene.step("a slot that passes to another never shows the one in the other's tile", async () => {
      // The word comes before the picture, as it may over the network.
      await assign({ slot: 0, name: "Dora" }, { slot: 1, name: "Cleo" });
      await until("the picture of Ben has gone", () => shownHue(ann.tile("Ben")), (hue) => hue === null);
      await holds("nothing of Ben at Dora", () => shownHue(ann.tile("Dora")), (hue) => hue === null, { forMs: 500, everyMs: 20 });
      await assign({ slot: 0, name: "Dora", hue: HUES.Dora }, { slot: 1, name: "Cleo" });
      await shows("Dora", HUES.Dora);
      const strange = await page.evaluate(() => (window.__hues.get("Dora") ?? []).filter((hue) => Math.abs(hue - 240) > 60));
      assert.deepEqual(strange, []);
      assert.equal((await offers(page)).length, 1);
    });

    await scene.step("a picture that is held back says so, and comes back", async () => {
      await assign({ slot: 0, name: "Dora", state: "paused" }, { slot: 1, name: "Cleo", state: "unsupported" });
      await ann.tile("Dora").getByText("Video paused: weak connection", { exact: true }).waitFor();
      await ann.tile("Cleo").getByText("Your browser cannot show this video", { exact: true }).waitFor();
      assert.equal(await shownHue(ann.tile("Dora")), null);
      await ann.screenshot("sfu-held-back");
      await assign({ slot: 0, name: "Dora", hue: 200 }, { slot: 1, name: "Cleo", hue: 100 });
      await Promise.all([shows("Dora", 200), shows("Cleo", 100)]);
    });

    await scene.step("a shared screen takes the stage at once, and is asked for first", async () => {
      await page.evaluate(() => window.__standIn.presence("Ben", { sharing: true }));
      await ann.tile("Ben's screen").getByText("The screen is coming…", { exact: true }).waitFor();
      await until("the screen is asked for", () => lastView(page), ([first]) => first?.source === "screen" && first.name === "Ben" && first.width > 800);
      await assign({ slot: 0, name: "Dora" }, { slot: 2, name: "Ben", source: "screen", hue: 60 });
      await shows("Ben's screen", 60);
      await page.evaluate(() => window.__standIn.presence("Ben", {}));
      await until("its tile is gone", () => ann.tile("Ben's screen").count(), (count) => count === 0);
    });

    await scene.step("more tiles than slots: the pool grows by one offer for the same connection", async () => {
      const [before] = await offers(page);
      await page.evaluate(() => Array.from({ length: 8 }, (_, index) => window.__standIn.joined(`Guest ${index}`)));
      await until("eleven are asked for", () => lastView(page), (view) => view.length === 11);
      await until("a second offer", () => offers(page), (all) => all.length === 2);
      const after = (await offers(page)).at(-1);
      assert.deepEqual([after.revision, after.sections - before.sections], [before.revision, 7]);
      await assign({ slot: 0, name: "Dora" }, { slot: 12, name: "Guest 7", hue: 300 });
      await shows("Guest 7", 300);
    });

    await scene.step("when the server gives the connection up, another one is made and the pictures come again", async () => {
      const { revision } = (await offers(page)).at(-1);
      await page.evaluate(() => window.__standIn.state("failed"));
      await until("another revision", async () => (await offers(page)).at(-1).revision, (now) => now === revision + 1);
      await ann.tile("Dora").getByText("Through the server", { exact: true }).waitFor();
      await assign({ slot: 3, name: "Dora", hue: HUES.Dora });
      await shows("Dora", HUES.Dora);
      assert.equal(await page.evaluate(() => window.__standIn.connections()), 1);
    });
  }),
);
