// Calls through a real TURN server, with credentials that expire.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Network } from "./harness/network.mjs";
import { acts, links } from "./harness/probe.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";
import { PAUSE_MS_MAX, startWatching, watched } from "./harness/watch.mjs";

const ROOM = "valley";
const TTL_S = 30;

test("where the server says relay-only, media takes the relay at both ends and the badge says so", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const coturn = await scene.coturn({ ip: Network.HOST });
    const { url } = await scene.server({ media: "relay-only", "turn-urls": coturn.urls, "turn-secret": coturn.secret });
    const [ann, ben] = await Promise.all([FACES.ann, FACES.ben].map((face) => scene.person({ face, url })));
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    await ann.hears("Ben", { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz });
    for (const [person, other] of [
      [ann, "Ben"],
      [ben, "Ann"],
    ]) {
      assert.deepEqual((await links(person.page)).map(({ local, remote }) => [local, remote]), [["relay", "relay"]]);
      await person.tile(other).getByText("Relayed", { exact: true }).waitFor();
      assert.equal(await person.tile(other).getByText("Direct", { exact: true }).count(), 0);
    }
  }),
);

test("a call goes on over new credentials; only relayed links are made again", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const coturn = await scene.coturn({ ip: Network.HOST });
    // Over HTTPS, because the camera needs a secure page and the third person cannot call the server localhost.
    const server = await scene.server({ tls: "self-signed", "turn-urls": coturn.urls, "turn-secret": coturn.secret, "turn-credential-ttl": `${TTL_S}s` });
    // A strict firewall: over UDP it lets the TURN server through and nothing else.
    const network = await scene.network();
    network.restrictUdp(coturn.port);
    const context = { ignoreHTTPSErrors: true };
    const ann = await scene.person({ face: FACES.ann, url: server.url, context });
    const ben = await scene.person({ face: FACES.ben, url: server.url, context });
    const url = `https://${Network.HOST}:${server.port}`;
    const cleo = await scene.person({ face: FACES.cleo, url, context, executablePath: network.executablePath });
    const three = [ann, ben, cleo];
    const all = Object.fromEntries(three.map(({ face }) => [face.name, face.toneHz]));
    let before = [];

    await scene.step("two meet directly, the third, behind a firewall, through the relay", async () => {
      await Promise.all(three.map((person) => person.join(ROOM)));
      await Promise.all(three.flatMap((person) => three.filter((other) => other !== person).map((other) => person.sees(other.name))));
      await badge(ann, "Ben", "Direct");
      await badge(ben, "Ann", "Direct");
      for (const name of ["Ann", "Ben"]) {
        await badge(cleo, name, "Relayed");
      }
      await badge(ann, "Cleo", "Relayed");
      await Promise.all(three.map(startWatching));
      before = await Promise.all(three.map(({ page }) => links(page)));
      assert.deepEqual(before[2].map(({ local }) => local), ["relay", "relay"]);
    });

    await scene.step("new credentials come before the old ones expire, and every link takes them", async () => {
      for (const [index, { page }] of three.entries()) {
        await until(
          "other credentials on every link",
          () => links(page),
          (now) => now.length === 2 && now.every(({ turnUsername }, at) => expiry(turnUsername) > expiry(before[index][at].turnUsername)),
          { timeoutMs: TTL_S * 1000 },
        );
      }
    });

    await scene.step("the relayed links move to a new allocation", async () => {
      await until(
        "Cleo's links are relayed over other ports",
        () => links(cleo.page),
        (now) => now.every(({ local, localPort, state }, at) => state === "connected" && local === "relay" && localPort !== before[2][at].localPort),
      );
    });

    await scene.step("pictures and sound go on past the expiry of the old ones", async () => {
      const oldExpiry = Math.max(...before.flat().map(({ turnUsername }) => expiry(turnUsername)));
      await until("the old credentials have expired", () => Date.now() / 1000, (nowS) => nowS > oldExpiry + 2, { timeoutMs: TTL_S * 1000 });
      await Promise.all(three.flatMap((person) => three.filter((other) => other !== person).map((other) => person.sees(other.name))));
      await cleo.hears("Ann", all);
      await ann.hears("Cleo", all);
      for (const person of three) {
        const { longestPauseMs } = await watched(person);
        assert.ok(longestPauseMs < PAUSE_MS_MAX, `${person.name} saw no new frame for ${longestPauseMs} ms`);
        assert.deepEqual((await links(person.page)).map(({ state }) => state), ["connected", "connected"]);
      }
    });

    await scene.step("the direct link was left alone, and no peer connection was replaced", async () => {
      for (const [index, person] of three.entries()) {
        const done = await acts(person.page);
        assert.equal(done.filter(({ act }) => act === "new").length, 2, person.name);
        const direct = before[index].filter(({ local, remote }) => local !== "relay" && remote !== "relay").map(({ index }) => index);
        assert.equal(direct.length, person === cleo ? 0 : 1, person.name);
        assert.deepEqual(done.filter(({ act, index }) => act === "restartIce" && direct.includes(index)), [], person.name);
        const now = await links(person.page);
        for (const link of now) {
          const was = before[index].find((other) => other.index === link.index);
          assert.equal(link.generation === was.generation, direct.includes(link.index), `${person.name}, link ${link.index}: another ICE generation`);
        }
      }
      assert.ok((await acts(cleo.page)).some(({ act }) => act === "restartIce"));
    });
  }),
);

function badge(person, name, text) {
  return person.tile(name).getByText(text, { exact: true }).waitFor();
}

/** The time in a TURN username, seconds since 1970. */
function expiry(username) {
  return Number(username?.split(":")[0] ?? Number.NaN);
}
