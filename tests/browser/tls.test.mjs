// HTTPS with a certificate made at start: how phones in the same network come to their camera.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";

const ROOM = "lan";
const LAN_ADDRESS = "10.99.0.2";

test("over self-signed HTTPS the page is served, the camera is there, and a call connects", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server({ tls: "self-signed" });
    assert.match(server.url, /^https:/);
    const onLan = `https://${LAN_ADDRESS}:${server.port}`;
    const context = { ignoreHTTPSErrors: true };
    const ann = await scene.person({ face: FACES.ann, url: server.url, context });
    const ben = await scene.person({ face: FACES.ben, url: onLan, context });
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    assert.equal(await ben.page.evaluate(() => isSecureContext && location.protocol), "https:");
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    await ann.recognises(FACES.ben);
    await ben.hears("Ann", { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz });
    await ann.say("over TLS");
    await ben.reads("over TLS");
  }),
);

test("a browser that does not trust the certificate does not show the page", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server({ tls: "self-signed" });
    const ann = await scene.person({ face: FACES.ann, url: server.url, tolerated: /ERR_CERT/ });
    await assert.rejects(ann.openRoom(ROOM), /ERR_CERT_AUTHORITY_INVALID/);
  }),
);
