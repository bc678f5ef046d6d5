// Connections to the server are lost while people talk: nothing of the chat is lost, the call goes on, nobody seems to leave.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { acts, links } from "./harness/probe.mjs";
import { LOSSES } from "./harness/proxy.mjs";
import { seeded } from "./harness/random.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";
import { PAUSE_MS_MAX, startWatching, watched } from "./harness/watch.mjs";

const ROOM = "harbour";
const MESSAGES_EACH = 500;
const LOSSES_WANTED = 20;
/** Messages that are written for each loss, by each writer. */
const BATCH = MESSAGES_EACH / LOSSES_WANTED;
const SEED = 20;
/** What the browser itself prints when a WebSocket is cut or refused. */
const CUT = /WebSocket connection to|net::ERR_CONNECTION|net::ERR_EMPTY_RESPONSE/;

test("1,000 messages arrive once and in order while the WebSocket is lost 20 times", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server();
    const proxy = await scene.proxy(server);
    const ann = await scene.person({ face: FACES.ann, url: proxy.url, tolerated: CUT });
    const ben = await scene.person({ face: FACES.ben, url: server.url });
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    await Promise.all([ann.openChat(), ben.openChat()]);
    await Promise.all([ann, ben].map((person) => until("what was said of the coming is gone", () => person.page.getByText(/joined\./).count(), (count) => count === 0)));
    await Promise.all([ann, ben].map(startWatching));
    const madeBefore = await Promise.all([ann, ben].map(countConnections));

    await scene.step("both write 500 messages while connections are lost", async () => {
      const writing = Promise.all([ann, ben].map((person) => writeAll(person, proxy)));
      const kinds = await loseConnections(proxy);
      await writing;
      t.diagnostic(`seed ${SEED}: ${kinds.join(" ")}`);
    });

    await scene.step("each message is there once, each writer's in order, and both read the same", async () => {
      const [atAnn, atBen] = await Promise.all(
        [ann, ben].map((person) =>
          until(`${person.name} has all messages delivered`, () => delivered(person), (texts) => texts.length >= 2 * MESSAGES_EACH, { timeoutMs: 30_000, everyMs: 500 }),
        ),
      );
      for (const writer of ["Ann", "Ben"]) {
        const expected = Array.from({ length: MESSAGES_EACH }, (_, index) => numbered(writer, index));
        assert.deepEqual(atAnn.filter((text) => text.startsWith(writer)), expected, `of ${writer} at Ann`);
      }
      assert.deepEqual(atBen, atAnn);
      assert.equal(atAnn.length, 2 * MESSAGES_EACH);
    });

    await scene.step("pictures went on all the time, over the same peer connections, and nobody seemed to leave", async () => {
      assert.deepEqual(await Promise.all([ann, ben].map(countConnections)), madeBefore, "peer connections that were made");
      for (const person of [ann, ben]) {
        const { longestPauseMs, looks, announcements, leastTiles } = await watched(person);
        assert.ok(looks > 10, `${person.name} was watched`);
        assert.ok(longestPauseMs < PAUSE_MS_MAX, `${person.name} saw no new frame for ${longestPauseMs} ms`);
        assert.equal(leastTiles, 2);
        assert.deepEqual(announcements.filter((text) => /left|joined/.test(text)), [], `what was announced to ${person.name}`);
        assert.deepEqual((await links(person.page)).map(({ state }) => state), ["connected"]);
        assert.equal((await acts(person.page)).filter(({ act }) => act === "restartIce").length, 0);
      }
    });
  }),
);

test("while the server is away the page says so and the call goes on; when it is back, so is the page", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server();
    const [ann, ben] = await Promise.all([FACES.ann, FACES.ben].map((face) => scene.person({ face, url: server.url, tolerated: CUT })));
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    const banner = (person) => person.page.getByText("Reconnecting… your call goes on.", { exact: true });

    await scene.step("the server crashes: a banner shows, pictures go on", async () => {
      await server.stop("SIGKILL");
      await Promise.all([banner(ann).waitFor(), banner(ben).waitFor()]);
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      assert.deepEqual(await ann.tiles(), ["Ann", "Ben"]);
      await ann.say("Are you still there?");
    });

    await scene.step("the server is back: the banner goes, what was written is sent, pictures come again", async () => {
      await server.start();
      await Promise.all([banner(ann), banner(ben)].map((shown) => shown.waitFor({ state: "hidden", timeout: 20_000 })));
      await until("both have found each other", () => Promise.all([ann.tiles(), ben.tiles()]), (tiles) => tiles.every((names) => names.join() === "Ann,Ben"), {
        timeoutMs: 20_000,
      });
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      await ann.say("And now?");
      await ben.reads("And now?");
    });

    await scene.step("the server is stopped and started as for an update: the same", async () => {
      await server.stop("SIGTERM");
      await Promise.all([banner(ann).waitFor(), banner(ben).waitFor()]);
      await ben.sees("Ann");
      await server.start();
      await Promise.all([banner(ann), banner(ben)].map((shown) => shown.waitFor({ state: "hidden", timeout: 20_000 })));
      await ben.say("Back again");
      await ann.reads("Back again");
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    });
  }),
);

test("a connection that only falls silent is found and replaced, and nothing is lost", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server();
    const proxy = await scene.proxy(server);
    const ann = await scene.person({ face: FACES.ann, url: proxy.url, tolerated: CUT });
    const ben = await scene.person({ face: FACES.ben, url: server.url });
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    proxy.lose("silence");
    await ann.say("into the void");
    await ben.say("from the far side");
    await ben.page.getByText("into the void").waitFor({ timeout: STORY_MS });
    await ann.reads("from the far side");
    assert.deepEqual([...(await delivered(ann))].sort(), ["from the far side", "into the void"]);
    assert.deepEqual([...(await delivered(ben))].sort(), ["from the far side", "into the void"]);
    await ben.sees("Ann");
  }),
);

function numbered(writer, index) {
  return `${writer} ${String(index + 1).padStart(4, "0")}`;
}

/** Types every message into the box and sends it with the Enter key: a batch before, around or after each loss, whether the server is there or not. */
async function writeAll(person, proxy) {
  const box = person.page.getByRole("textbox", { name: "Message" });
  for (let batch = 0; batch < LOSSES_WANTED; batch += 1) {
    await until(`time for batch ${batch}`, () => proxy.losses >= batch, Boolean, { everyMs: 10 });
    const texts = Array.from({ length: BATCH }, (_, index) => numbered(person.name, batch * BATCH + index));
    await box.evaluate(async (element, texts) => {
      const type = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
      for (const text of texts) {
        type.call(element, text);
        element.dispatchEvent(new InputEvent("input", { bubbles: true }));
        await new Promise((resolve) => setTimeout(resolve, 10));
        element.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
      }
    }, texts);
  }
}

/** Loses the connection again and again, each time after it has been back for a random while. */
async function loseConnections(proxy) {
  const random = seeded(SEED);
  const kinds = [];
  const abrupt = LOSSES.filter((how) => how !== "silence");
  while (proxy.losses < LOSSES_WANTED) {
    await until("the WebSocket is back", () => proxy.webSockets > 0, Boolean, { everyMs: 5 });
    const dueMs = performance.now() + 600 * random();
    await until("its time has come", () => performance.now() >= dueMs, Boolean, { everyMs: 5 });
    const how = abrupt[Math.floor(random() * abrupt.length)];
    if (proxy.webSockets > 0) {
      proxy.lose(how);
      kinds.push(how);
    }
  }
  return kinds;
}

/** Messages that the server has taken, in the order of the page. */
function delivered(person) {
  return person.page.getByRole("log").locator(".chat-group:not([data-unsent=true]) .chat-text").allTextContents();
}

async function countConnections(person) {
  return (await acts(person.page)).filter(({ act }) => act === "new").length;
}
