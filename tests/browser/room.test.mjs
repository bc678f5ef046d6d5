// A room with more people than fit on the screen: pages, a pinned tile, who is away; and people who share where they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { FACES } from "./harness/media.mjs";
import { links } from "./harness/probe.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { keepScreenshot } from "./harness/screenshots.mjs";
import { until } from "./harness/wait.mjs";

const ROOM = "terminal";
/** A small one, so that few people are too many for it. */
const PHONE = { width: 360, height: 480 };

test("more people than fit are on pages; a click enlarges one", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url, context: { viewport: PHONE, hasTouch: true } });
    await ann.join(ROOM);
    const guests = Array.from({ length: 9 }, (_, index) => `Guest ${index + 1}`);
    for (const name of guests) {
      scene.peer({ url, room: ROOM, name });
    }
    const pager = ann.page.getByRole("status").filter({ hasText: /^\d+ of \d+$/ });

    await scene.step("everyone has a tile, some on a second page", async () => {
      await until("all are there", () => ann.page.locator("figure").count(), (count) => count === guests.length + 1);
      await until("there are two pages", () => pager.textContent(), (text) => text === "1 of 2");
      await keepScreenshot(ann, "room-phone-pages");
    });

    await scene.step("each is on exactly one page, and oneself on both", async () => {
      const first = await until("tiles at rest", () => inSight(ann), (names) => names.length > 1);
      await ann.button("Next page").click();
      const second = await until("the page is turned", () => inSight(ann), (names) => names.length > 0 && !names.some((name) => name !== "Ann" && first.includes(name)));
      assert.deepEqual([...first, ...second].filter((name) => name !== "Ann").sort(), [...guests].sort());
      assert.ok(first.includes("Ann") && second.includes("Ann"));
      assert.ok(await ann.button("Next page").isDisabled());
      await ann.button("Previous page").click();
      await until("back on the first page", () => inSight(ann), (names) => names.join() === first.join());
    });

    await scene.step("who is out of sight is asked for no picture, and for one again before being in sight", async () => {
      const ben = await scene.person({ face: FACES.ben, url });
      // Without a voice: whoever speaks is kept in sight.
      await ben.openRoom(ROOM, "?name=Ben&audio=0&join=1");
      await ben.isInRoom();
      await until("Ben has a tile", () => ann.page.locator("figure[aria-label=Ben]").count(), (count) => count === 1);
      const sent = () => framesSentTo(ben);
      await until("Ben sends nothing to Ann's page", () => steady(sent, 1500), Boolean, { timeoutMs: 40_000 });
      assert.equal(await ann.page.locator("figure[aria-label=Ben]").getAttribute("data-role"), "elsewhere");
      assert.equal((await links(ben.page)).filter(({ state }) => state === "connected").length, guests.length + 1, "every link stands");
      await ann.button("Next page").click();
      await ann.sees("Ben");
      await ann.recognises(FACES.ben);
      await ann.button("Previous page").click();
      await until("Ben has stopped sending", () => steady(sent, 1500), Boolean, { timeoutMs: 40_000 });
      await ben.leave();
      await until("Ben is gone", () => ann.tile("Ben").count(), (count) => count === 0);
    });

    await scene.step("a pinned tile takes the stage, and gives it back", async () => {
      const before = await ann.tile("Guest 2").boundingBox();
      await ann.tile("Guest 2").getByRole("button", { name: "Enlarge Guest 2" }).click();
      await until("it is large", () => ann.tile("Guest 2").boundingBox(), (box) => box.width * box.height > 3 * before.width * before.height);
      await ann.tile("Guest 2").getByRole("button", { name: "Make Guest 2 smaller" }).click();
      await until("it is as before", () => ann.tile("Guest 2").boundingBox(), (box) => JSON.stringify(box) === JSON.stringify(before));
    });
  }),
);

test("who shares a position is seen with distance and direction, and no more when it ends", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const place = (latitude, longitude) => ({ geolocation: { latitude, longitude, accuracy: 10 }, permissions: ["geolocation", "microphone", "camera"] });
    const ann = await scene.person({ face: FACES.ann, url, context: place(48, 11) });
    const ben = await scene.person({ face: FACES.ben, url, context: place(48, 11.0201) });
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await ann.tile("Ben").waitFor();

    await scene.step("the one who shares is seen by coordinates, by whoever does not", async () => {
      await share(ben);
      await ann.button("People").click();
      await ann.page.getByRole("listitem").filter({ hasText: "Ben" }).getByText("48.0000° N, 11.0201° E").waitFor();
    });

    await scene.step("both share: each is told how far and which way the other is", async () => {
      await ann.page.getByRole("button", { name: "Share my location" }).click();
      await ann.page.getByRole("listitem").filter({ hasText: "Ben" }).getByText(/^1\.5 km east/).waitFor();
      await ben.page.getByRole("listitem").filter({ hasText: "Ann" }).getByText(/^1\.5 km west/).waitFor();
      await keepScreenshot(ann, "people-places");
    });

    await scene.step("it moves, and so does what the other reads", async () => {
      await ben.context.setGeolocation({ latitude: 48.045, longitude: 11, accuracy: 10 });
      await ann.page.getByRole("listitem").filter({ hasText: "Ben" }).getByText(/^5 km north/).waitFor();
    });

    await scene.step("it ends, and nothing of it stays", async () => {
      await ben.page.getByRole("button", { name: "Hide my location" }).click();
      await until("Ben's place is gone", () => ann.page.getByRole("listitem").filter({ hasText: "Ben" }).locator(".place").count(), (count) => count === 0);
    });
  }),
);

/** Pictures that a person has sent to the one other page that sends pictures itself; none where there is no such link. */
function framesSentTo(from) {
  return from.page.evaluate(async () => {
    let frames = null;
    for (const connection of window.__probe.peerConnections.filter(({ connectionState }) => connectionState === "connected")) {
      const stats = [...(await connection.getStats()).values()];
      if (stats.some(({ type, kind, framesDecoded }) => type === "inbound-rtp" && kind === "video" && framesDecoded > 0)) {
        // A section that is not to send has no figures any more.
        frames = stats.filter(({ type, kind }) => type === "outbound-rtp" && kind === "video").reduce((sum, { framesSent }) => sum + (framesSent ?? 0), 0);
      }
    }
    return frames;
  });
}

/** Whether a count stands still for so long. */
async function steady(count, forMs) {
  const before = await count();
  await pause(forMs);
  return before !== null && (await count()) === before;
}

/** Shares the place by the menu, which leads to the list of people. */
async function share(person) {
  await person.button("More").click();
  await person.page.getByRole("button", { name: "Share my location" }).click();
  await person.page.getByRole("dialog", { name: "People" }).waitFor();
}

/** Names of the tiles that are on the stage now, in their order; the empty list while one still comes or goes. */
function inSight(person) {
  return person.page.locator("figure").evaluateAll((figures) => {
    const seen = (figure) => figure.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const rests = figures.every((figure) => seen(figure) !== figure.inert && figure.getAnimations().length === 0);
    return rests ? figures.filter(seen).map((figure) => figure.getAttribute("aria-label")) : [];
  });
}
