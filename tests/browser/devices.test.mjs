// What one person does with their devices and their call, and what the others see and hear of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { looksLike, openDevices, picture, tones } from "./harness/probe.mjs";
import { readQrCode } from "./harness/qr.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { holds, until } from "./harness/wait.mjs";

const ROOM = "terrace";
const TONES = { Ann: FACES.ann.toneHz, Ben: FACES.ben.toneHz };

test("a call with every switch: mute, camera, screen, hand, private words, leaving", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const [ann, ben, cleo] = await Promise.all([FACES.ann, FACES.ben, FACES.cleo].map((face) => scene.person({ face, url })));
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    const annAtBen = ben.tile("Ann");

    await scene.step("muting stops the tone at the receiver and shows it", async () => {
      await ben.hears("Ann", TONES);
      await ann.button("Mute microphone").click();
      await annAtBen.getByText("Microphone off", { exact: true }).waitFor({ state: "attached" });
      await ben.hearsNothingOf("Ann", TONES.Ann);
      await holds(
        "silence",
        () => tones(annAtBen, [TONES.Ann], 500),
        ({ peaksDb }) => peaksDb === null || peaksDb[0] < -90,
        { forMs: 1000 },
      );
      await ben.sees("Ann");
      assert.equal(await ben.tile("Ben").getByText("Microphone off", { exact: true }).count(), 0, "Ben is not muted");
    });

    await scene.step("unmuting brings it back", async () => {
      await ann.button("Unmute microphone").click();
      await ben.hears("Ann", TONES);
      await annAtBen.getByText("Microphone off", { exact: true }).waitFor({ state: "detached" });
    });

    await scene.step("holding the space bar talks while muted", async () => {
      await ann.button("Mute microphone").click();
      await ben.hearsNothingOf("Ann", TONES.Ann);
      await ann.page.keyboard.down(" ");
      await ben.hears("Ann", TONES);
      await ann.page.keyboard.up(" ");
      await ben.hearsNothingOf("Ann", TONES.Ann);
      await ann.button("Unmute microphone").click();
    });

    await scene.step("the camera off is released, and its last picture is not left standing", async () => {
      await ann.button("Turn camera off").click();
      await ann.button("Turn camera on").waitFor();
      await until("no camera is open", () => openDevices(ann.page), (open) => open.every(({ kind }) => kind !== "video"));
      await until("the picture is gone", () => picture(annAtBen), ({ shown }) => !shown);
      await until("initials stand there", () => annAtBen.locator(".avatar").count(), (count) => count === 1);
      await ben.hears("Ann", TONES);
    });

    await scene.step("the camera comes on again without a new call", async () => {
      await ann.button("Turn camera on").click();
      await ben.sees("Ann");
      await ben.recognises(FACES.ann);
      assert.equal(await ben.page.evaluate(() => window.__probe.peerConnections.length), 1);
    });

    await scene.step("a shared screen has a large tile of its own", async () => {
      await ann.button("Share screen").click();
      await ben.sees("Ann's screen");
      await ben.sees("Ann");
      const [screen, face] = await Promise.all([ben.tile("Ann's screen"), annAtBen].map((tile) => tile.boundingBox()));
      assert.ok(screen.width * screen.height > 4 * face.width * face.height, `the screen ${show(screen)}, the face ${show(face)}`);
      assert.equal(await ben.tile("Ann's screen").locator("video").evaluate((video) => getComputedStyle(video).objectFit), "contain");
      assert.deepEqual(await ben.tiles(), ["Ann", "Ann's screen", "Ben"]);
      await annAtBen.getByText("Sharing the screen", { exact: true }).waitFor({ state: "attached" });
      await ben.screenshot("screen-share");
    });

    await scene.step("who comes later sees the screen too", async () => {
      await cleo.join(ROOM);
      await cleo.sees("Ann's screen");
      await cleo.sees("Ann");
    });

    await scene.step("it stops cleanly", async () => {
      await ann.button("Stop sharing").click();
      await until("the screen is gone", () => Promise.all([ben.tiles(), cleo.tiles()]), (tiles) => tiles.flat().every((name) => !name.includes("screen")));
      await until("nothing of the screen is captured", () => openDevices(ann.page), (open) => open.length === 2);
      await ann.button("Share screen").waitFor();
      await ben.sees("Ann");
    });

    await scene.step("it stops as well when the browser's own bar ends it, and can be shared again", async () => {
      await ann.button("Share screen").click();
      await ben.sees("Ann's screen");
      await ann.page.evaluate(() => {
        for (const track of window.__probe.captured.filter((track) => track.kind === "video" && track.readyState === "live").slice(-1)) {
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }
      });
      await ann.button("Share screen").waitFor();
      await until("the screen is gone", () => ben.tiles(), (names) => names.every((name) => !name.includes("screen")));
    });

    await scene.step("a raised hand is seen and announced, and lowered again", async () => {
      await ann.button("Raise hand").click();
      await annAtBen.getByText("Hand raised", { exact: true }).waitFor({ state: "attached" });
      await ben.page.getByRole("status").getByText("Ann raises a hand.", { exact: true }).waitFor();
      await ann.button("Lower hand").click();
      await annAtBen.getByText("Hand raised", { exact: true }).waitFor({ state: "detached" });
    });

    await scene.step("private words reach one person only", async () => {
      await ann.button("People").click();
      await ann.button("Write to Ben only").click();
      await ann.say("between you and me");
      await ann.page.getByRole("combobox", { name: "To" }).selectOption({ label: "Everyone" });
      await ann.say("to all of you");
      await Promise.all([ben, cleo].map((person) => person.reads("to all of you")));
      assert.deepEqual(await ben.chat(), ["between you and me", "to all of you"]);
      assert.deepEqual(await cleo.chat(), ["to all of you"]);
      await ben.page.getByText("Only to you", { exact: true }).waitFor();
    });

    await scene.step("leaving releases the devices and says so", async () => {
      await ann.leave();
      await ann.page.getByRole("heading", { name: "You left the meeting" }).waitFor();
      await until("nothing is open", () => openDevices(ann.page), (open) => open.length === 0);
      await until("Ann is gone", () => ben.tiles(), (names) => !names.includes("Ann"), { timeoutMs: 2000, everyMs: 50 });
    });

    await scene.step("and from there one comes back with one click", async () => {
      await ann.button("Rejoin").click();
      await ann.isInRoom();
      await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    });
  }),
);

test("other devices can be chosen before and during a call", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url, devices: "several" });
    const ben = await scene.person({ face: FACES.ben, url });
    const choice = (name) => ann.page.getByRole("combobox", { name, exact: true });

    await scene.step("before: the preview takes the camera that was chosen", async () => {
      await ann.openRoom(ROOM);
      await until("the camera is open", () => openDevices(ann.page), (open) => open.length === 2);
      await choose(ann, choice("Camera"), "video", 2);
    });

    await scene.step("during: another camera and another microphone, without a new call", async () => {
      await ann.page.getByRole("textbox", { name: "Your name" }).fill("Ann");
      await ann.button("Join").click();
      await ann.isInRoom();
      await ben.join(ROOM);
      await ben.sees("Ann");
      assert.equal((await openDevices(ann.page)).length, 2);
      await ann.button("Choose camera").click();
      await choose(ann, choice("Camera"), "video", 3);
      await ben.sees("Ann");
      await ann.page.keyboard.press("Escape");
      await ann.button("Choose microphone and speaker").click();
      await choose(ann, choice("Microphone"), "audio", 1);
      await ben.sees("Ann");
      const received = () => ben.page.evaluate(async () => {
        const stats = [...(await window.__probe.peerConnections[0].getStats()).values()];
        return stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio").totalSamplesReceived;
      });
      const before = await received();
      await until("sound goes on", received, (now) => now > before + 48_000);
      assert.equal(await ben.page.evaluate(() => window.__probe.peerConnections.length), 1);
    });
  }),
);

test("without camera and microphone one is told what is missing, and joins", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ben = await scene.person({ face: FACES.ben, url });
    await ben.join(ROOM);
    const nobodys = async (devices, face, sentences, from = url) => {
      const person = await scene.person({ face, url: from, devices });
      await person.openRoom(ROOM);
      for (const sentence of sentences) {
        await person.page.getByText(sentence, { exact: false }).first().waitFor();
      }
      await person.page.getByRole("textbox", { name: "Your name" }).fill(face.name);
      await person.button("Join").click();
      await person.isInRoom();
      assert.deepEqual(await openDevices(person.page), []);
      await person.sees("Ben");
      await ben.tile(face.name).getByText("Microphone off", { exact: true }).waitFor({ state: "attached" });
      await until("initials stand there", () => ben.tile(face.name).locator(".avatar").count(), (count) => count === 1);
      return person;
    };

    await scene.step("where they are not allowed", async () => {
      const ann = await nobodys("denied", FACES.ann, [
        "The browser does not let this page use your camera.",
        "The browser does not let this page use your microphone.",
        "Click the icon at the left of the address bar",
      ]);
      await ann.hears("Ben", TONES);
      await ben.say("can you hear me?");
      await ann.reads("can you hear me?");
    });

    await scene.step("where the page is not secure", async () => {
      await nobodys("face", FACES.dora, ["Browsers give the camera only to secure pages.", "Open this page by https"], url.replace("localhost", "10.99.0.2"));
    });

    await scene.step("where there are none", async () => {
      await nobodys("none", FACES.cleo, ["No camera was found.", "No microphone was found.", "Plug one in or switch it on"]);
    });
  }),
);

test("a link with name and join=1 leads straight into the room, with the devices it names", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ben = await scene.person({ face: FACES.ben, url });
    const ann = await scene.person({ face: FACES.ann, url });
    await ben.openRoom(ROOM, "?name=Ben&join=1");
    await ben.isInRoom();
    await ann.openRoom(ROOM, "?name=Ann&audio=0&video=0&join=1");
    await ann.isInRoom();
    await ann.button("Unmute microphone").waitFor();
    await ann.button("Turn camera on").waitFor();
    assert.equal(await ann.page.evaluate(() => window.__probe.captured.length), 0, "no device was touched");
    await ann.sees("Ben");
    // A browser may hold sound back until the page is touched; then the page offers to touch it.
    const hear = ann.button(/^Tap to hear/);
    if (await hear.isVisible()) {
      await hear.click();
    }
    await ann.hears("Ben", TONES);
    await ann.button("Turn camera on").click();
    await ben.sees("Ann");
    assert.deepEqual((await openDevices(ann.page)).map(({ kind }) => kind), ["video"]);
  }),
);

test("a camera that comes on while the server's welcome is on its way is seen by the others", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const server = await scene.server();
    const proxy = await scene.proxy(server);
    const ann = await scene.person({ face: FACES.ann, url: server.url });
    const ben = await scene.person({ face: FACES.ben, url: proxy.url });
    await ann.join(ROOM);
    await ben.page.addInitScript(() => {
      const capture = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      const started = new Promise((resolve) => {
        window.__startDevices = resolve;
      });
      navigator.mediaDevices.getUserMedia = (constraints) => started.then(() => capture(constraints));
    });
    proxy.hold();
    await ben.openRoom(ROOM, "?name=Ben&join=1");
    await until("Ben has said hello", () => proxy.spoken, (times) => times > 0);
    await ben.page.evaluate(() => window.__startDevices());
    await until("Ben's own picture moves", () => ben.page.locator("video").first().evaluate((video) => video.currentTime), (timeS) => timeS > 0.2);
    proxy.release();
    await ann.sees("Ben");
    await ann.hears("Ben", TONES);
    assert.equal(await ann.tile("Ben").getByText("Microphone off", { exact: true }).count(), 0);
  }),
);

test("a name that cannot be a room is refused in words, at once and from a link", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ann = await scene.person({ face: FACES.ann, url });
    await ann.page.goto(`${url}/r/two%20words`);
    await ann.page.getByText("“two words” cannot be a room name.", { exact: false }).waitFor();
    const name = ann.page.getByRole("textbox", { name: "Room name" });
    for (const [bad, sentence] of [
      ["a/b", "Use only the letters"],
      ["", "Give the room a name first."],
      ["..", "A room name needs a letter or a digit"],
      ["x".repeat(65), "at most 64 characters"],
    ]) {
      await name.fill(bad);
      await ann.button("Start or join").click();
      await ann.page.getByText(sentence, { exact: false }).waitFor();
      assert.equal(new URL(ann.page.url()).pathname, "/r/two%20words", `${bad} did not lead anywhere`);
    }
    await name.fill("y".repeat(64));
    await ann.button("Start or join").click();
    await ann.page.getByRole("textbox", { name: "Your name" }).waitFor();
    assert.equal(new URL(ann.page.url()).pathname, `/r/${"y".repeat(64)}`);
  }),
);

test("an invitation's code leads to the room; the other code moves the call to another device", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const [ann, ben, phone] = await Promise.all([FACES.ann, FACES.ben, FACES.dora].map((face) => scene.person({ face, url })));
    // One after the other: what Ben is told of Ann's coming would still stand there when her call moves.
    await ann.join(ROOM);
    await ben.join(ROOM);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    let handover = "";

    await scene.step("the invitation", async () => {
      await ann.button("Invite").click();
      const code = ann.page.getByRole("img", { name: "QR code with the link to this room" });
      assert.equal(await readQrCode(code), `${url}/r/${ROOM}`);
      assert.equal(await ann.page.getByRole("textbox", { name: "Link to this room" }).inputValue(), `${url}/r/${ROOM}`);
    });

    await scene.step("the handover is shown only when asked for", async () => {
      const code = ann.page.getByRole("img", { name: "QR code that moves your call to another device" });
      assert.equal(await code.count(), 0);
      await ann.button("Show the code").click();
      handover = await readQrCode(code);
      assert.match(handover, new RegExp(`^${url}/r/${ROOM}#resume=.{16,}$`));
    });

    await scene.step("on the other device the call goes on, as the same person", async () => {
      await ben.page.evaluate(() => {
        window.__said = [];
        new MutationObserver(() => window.__said.push(...[...document.querySelectorAll("[role=status]")].map((place) => place.textContent))).observe(document.body, {
          subtree: true,
          childList: true,
        });
      });
      await phone.page.goto(handover);
      await phone.page.getByRole("heading", { name: "Continue your call here" }).waitFor();
      assert.doesNotMatch(phone.page.url(), /resume/, "the token does not stay in the address bar");
      await phone.page.getByRole("textbox", { name: "Your name" }).fill("Ann");
      await phone.button("Join").click();
      await phone.isInRoom();
      await ann.page.getByRole("heading", { name: "Your call goes on elsewhere" }).waitFor();
      await until("Ann's devices are released", () => openDevices(ann.page), (open) => open.length === 0);
      await Promise.all([phone.sees("Ben"), ben.sees("Ann")]);
      await until("the picture at Ben is the phone's", () => looksLike(ben.tile("Ann"), FACES.dora));
      assert.deepEqual(await ben.tiles(), ["Ann", "Ben"]);
      const said = await ben.page.evaluate(() => window.__said.join(" "));
      assert.doesNotMatch(said, /left|joined/, "for Ben nobody came or went");
    });
  }),
);

/** Selects another entry and waits until exactly that device is the open one of its kind. */
async function choose(person, select, kind, index) {
  const before = (await openDevices(person.page)).find((device) => device.kind === kind);
  await until("there is something to choose from", () => select.locator("option").count(), (count) => count > index);
  const value = await select.locator("option").nth(index).getAttribute("value");
  assert.notEqual(value, before.deviceId, "the test chooses another device");
  await select.selectOption({ index });
  await until(
    `only the chosen ${kind} device is open`,
    async () => (await openDevices(person.page)).filter((device) => device.kind === kind),
    (open) => open.length === 1 && open[0].deviceId === value,
  );
}

function show({ width, height }) {
  return `${Math.round(width)}×${Math.round(height)}`;
}
