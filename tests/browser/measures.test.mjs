// The measures themselves: each has to fail when what it looks for is missing, or the other tests prove nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";

const ROOM = "workshop";
const TONES = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz };
const SHORT_MS = 2500;

test("every measure fails when what it looks for is missing", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server();
    const proxy = await scene.proxy(server);
    const ann = await scene.person({ face: FACES.ann, url: server.url });
    const ben = await scene.person({ face: FACES.ben, url: proxy.url, tolerated: /planted|elsewhere\.example|WebSocket connection/ });
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    await ann.hears("Ben", TONES);

    await scene.step("a tone: of someone else, or with another among it", async () => {
      await assert.rejects(ann.hears("Ben", { Ben: FACES.ann.toneHz }, SHORT_MS), /never/);
      await assert.rejects(ann.hears("Ben", { Ben: FACES.ben.toneHz, Same: FACES.ben.toneHz }, SHORT_MS), /never/);
    });

    await scene.step("a tone: in a tile that is muted", async () => {
      const video = ann.tile("Ben").locator("video");
      await video.evaluate((element) => (element.muted = true));
      await assert.rejects(ann.hears("Ben", TONES, SHORT_MS), /never/);
      await video.evaluate((element) => (element.muted = false));
      await ann.hears("Ben", TONES);
    });

    await scene.step("silence: while someone speaks", () => assert.rejects(ann.hearsNothingOf("Ben", TONES.Ben, SHORT_MS), /never/));

    await scene.step("a picture: of someone else, covered, or standing still", async () => {
      await assert.rejects(ann.recognises({ ...FACES.ben, background: FACES.ann.background }, SHORT_MS), /never/);
      const video = ann.tile("Ben").locator("video");
      await video.evaluate((element) => element.style.setProperty("visibility", "hidden"));
      await assert.rejects(ann.sees("Ben", 10, SHORT_MS), /never/);
      await video.evaluate((element) => element.style.removeProperty("visibility"));
      await ben.page.evaluate(() => Promise.all(window.__probe.peerConnections[0].getSenders().map((sender) => sender.replaceTrack(null))));
      await assert.rejects(ann.sees("Ben", 10, SHORT_MS), /never/);
    });

    await scene.step("complaints: an error, an exception, a request to elsewhere, a breach of the policy", async () => {
      await ben.page.evaluate(() => {
        console.error("planted error");
        setTimeout(() => {
          throw new Error("planted exception");
        });
        document.body.append(Object.assign(new Image(), { src: "https://elsewhere.example/pixel.png" }));
      });
      await until("all are noted", async () => [...ben.complaints, ...(await ben.page.evaluate(() => window.__probe.violations))].join("\n"), (text) =>
        ["planted error", "planted exception", "img-src https://elsewhere.example"].every((part) => text.includes(part)),
      );
    });

    await scene.step("losses: the server sees a new connection after each", async () => {
      const before = proxy.losses;
      for (const how of ["reset", "end"]) {
        await until("the WebSocket is there", () => proxy.webSockets, (open) => open === 1);
        proxy.lose(how);
        assert.equal(proxy.webSockets, 0);
      }
      assert.equal(proxy.losses, before + 2);
      await until("it is back", () => proxy.webSockets, (open) => open === 1);
    });
  }),
);
