// Calls through the SFU: pictures as large as they are shown, links that block UDP or change under way, and a room that grows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Network } from "./harness/network.mjs";
import { acts, links, received } from "./harness/probe.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";

const ROOM = "harbour";
const SFU = "?path=sfu";
/** A face at 720 lines, with all its simulcast streams. */
const SHARP = { camera: { lines: 720, fps: 15 } };
const context = { ignoreHTTPSErrors: true };

/** A server that people in other networks can call by its address, over HTTPS: the camera needs a secure page. */
async function serve(scene) {
  const server = await scene.server({ tls: "self-signed" });
  return { near: server.url, far: `https://${Network.HOST}:${server.port}` };
}

/** The window in which one tile fills the stage with about this many lines. */
const windowOf = (lines) => ({ width: Math.round((lines / 9) * 16), height: lines + 60 });

function receives(person, name, what, accept, timeoutMs) {
  return until(`${person.name} receives of ${name}: ${what}`, () => received(person.tile(name)), (now) => now !== null && accept(now), { timeoutMs });
}

test("a receiver gets the picture in the size that it shows, soon and without a freeze", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { near } = await serve(scene);
    const ann = await scene.person({ face: FACES.ann, url: near, context, ...SHARP });
    const ben = await scene.person({ face: FACES.ben, url: near, context: { ...context, viewport: windowOf(720) } });

    await scene.step("they meet, under AES-GCM", async () => {
      await Promise.all([ann.join(ROOM, SFU), ben.join(ROOM, SFU)]);
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
      const { srtpCipher } = await received(ben.tile("Ann"));
      assert.match(srtpCipher, /AEAD_AES_128_GCM/);
    });

    await scene.step("the sender has climbed to all its streams", () => receives(ben, "Ann", "720 lines", ({ frameHeight }) => frameHeight === 720, 30_000));

    for (const lines of [180, 360, 720]) {
      await scene.step(`${lines} lines within two seconds of the window's change`, async () => {
        const before = await received(ben.tile("Ann"));
        await ben.page.setViewportSize(windowOf(lines));
        await receives(ben, "Ann", `${lines} lines`, ({ frameHeight }) => frameHeight === lines, 2000);
        await ben.sees("Ann");
        const after = await received(ben.tile("Ann"));
        assert.equal(after.freezeCount, before.freezeCount, "froze");
      });
    }
  }),
);

test("where UDP is blocked, media flows over TCP", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { near, far } = await serve(scene);
    const network = await scene.network();
    network.restrictUdp();
    const ann = await scene.person({ face: FACES.ann, url: far, context, executablePath: network.executablePath });
    const ben = await scene.person({ face: FACES.ben, url: near, context });
    const tones = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz };
    await Promise.all([ann.join(ROOM, SFU), ben.join(ROOM, SFU)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    await ann.hears("Ben", tones);
    await ben.hears("Ann", tones);
    assert.equal((await received(ann.tile("Ben"))).protocol, "tcp");
  }),
);

test("who moves to another network has media again within two seconds, and nobody sees them leave", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { near, far } = await serve(scene);
    const network = await scene.network();
    const tolerated = /WebSocket|ERR_NETWORK|ERR_ADDRESS|ERR_INTERNET/;
    const ann = await scene.person({ face: FACES.ann, url: far, context, tolerated, executablePath: network.executablePath });
    const ben = await scene.person({ face: FACES.ben, url: near, context });
    await scene.step("they meet", async () => {
      await Promise.all([ann.join(ROOM, SFU), ben.join(ROOM, SFU)]);
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    });
    await scene.step("another address: pictures again within two seconds, both ways", async () => {
      const frames = async () => (await Promise.all([received(ann.tile("Ben")), received(ben.tile("Ann"))])).map((each) => each?.framesDecoded ?? 0);
      await ben.page.evaluate(() => {
        window.__leastTiles = Infinity;
        const look = () => {
          window.__leastTiles = Math.min(window.__leastTiles, document.querySelectorAll("figure").length);
          requestAnimationFrame(look);
        };
        look();
      });
      const connections = (await links(ben.page)).length;
      network.move();
      const atTheMove = await frames();
      await until("frames come again", frames, (now) => now.every((count, index) => count > atTheMove[index] + 5), { timeoutMs: 2000, everyMs: 50 });
      assert.equal(await ben.page.evaluate(() => window.__leastTiles), 2, "a tile went");
      assert.equal((await links(ben.page)).length, connections);
    });
  }),
);

test("in a room of six, one more member changes nobody's session description", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { near } = await serve(scene);
    const faces = Object.values(FACES);
    const six = [];
    for (let index = 0; index < 6; index += 1) {
      const face = { ...faces[index % faces.length], name: `${faces[index % faces.length].name}${index}` };
      six.push(await scene.person({ face, url: near, context }));
    }
    const five = six.slice(0, 5);
    const last = six[5];
    await scene.step("five meet", async () => {
      await Promise.all(five.map((person) => person.join(ROOM, SFU)));
      for (const person of five) {
        for (const other of five.filter((each) => each !== person)) {
          await person.sees(other.name, 3);
        }
      }
    });
    await scene.step("the sixth is seen by all, and no description has changed", async () => {
      const descriptions = (person) => acts(person.page).then((done) => done.filter(({ act }) => act === "setRemoteDescription").length);
      const before = await Promise.all(five.map(descriptions));
      await last.join(ROOM, SFU);
      for (const person of five) {
        await person.sees(last.name, 3);
        await last.sees(person.name, 3);
      }
      assert.deepEqual(await Promise.all(five.map(descriptions)), before);
    });
  }),
);
