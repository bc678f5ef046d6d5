// Firefox and Chromium meet.

import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";

const ROOM = "bridge";

test("a person at Firefox and one at Chromium see and hear each other directly", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url });
    const ben = await scene.firefox({ face: FACES.ben, url });
    const tones = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz };
    await scene.step("both come in", async () => {
      await ann.join(ROOM);
      await ben.join(ROOM);
    });
    await scene.step("they see each other", async () => {
      await ann.sees("Ben");
      await ben.sees("Ann");
      await ben.recognises(FACES.ann);
    });
    await scene.step("they hear each other", async () => {
      await ann.hears("Ben", tones);
      await ben.hears("Ann", tones);
    });
    await scene.step("both links say that they are direct", async () => {
      await ann.tile("Ben").getByText("Direct", { exact: true }).waitFor();
      await ben.tile("Ann").getByText("Direct", { exact: true }).waitFor();
    });
  }),
);
