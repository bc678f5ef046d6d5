// Every codec through the SFU, between Chromium and Firefox, each to each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { received } from "./harness/probe.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";

const ROOM = "tower";

/** Debian's Firefox has no H264. */
const CODECS = [
  { codec: "vp8", browsers: ["person", "firefox"] },
  { codec: "vp9", browsers: ["person", "firefox"] },
  { codec: "av1", browsers: ["person", "firefox"] },
  { codec: "h264", browsers: ["person", "person"] },
];

for (const { codec, browsers } of CODECS) {
  test(`${codec} from ${browsers.join(" to ")} and back`, { timeout: STORY_MS }, (t) =>
    Scene.play(t, async (scene) => {
      const { url } = await scene.server();
      const [ann, ben] = [await scene[browsers[0]]({ face: FACES.ann, url }), await scene[browsers[1]]({ face: FACES.ben, url })];
      const tones = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz };
      const query = `?path=sfu&codec=${codec}`;
      await Promise.all([ann.join(ROOM, query), ben.join(ROOM, query)]);
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      await ben.recognises(FACES.ann);
      await ann.hears("Ben", tones);
      await ben.hears("Ann", tones);
      for (const [person, other] of [
        [ann, "Ben"],
        [ben, "Ann"],
      ]) {
        const now = await received(person.tile(other));
        assert.match(now.codec, new RegExp(`${codec}$`, "i"), `${person.name} receives ${now.codec}`);
      }
    }),
  );
}
