// Calls through the SFU where UDP is blocked, and in a room that grows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Network } from "./harness/network.mjs";
import { acts, received } from "./harness/probe.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";

const ROOM = "harbour";
const SFU = "?path=sfu";
const context = { ignoreHTTPSErrors: true };

/** A server that people in other networks can call by its address, over HTTPS: the camera needs a secure page. */
async function serve(scene) {
  const server = await scene.server({ tls: "self-signed" });
  return { near: server.url, far: `https://${Network.HOST}:${server.port}` };
}

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
