// Everyone can use it: by keyboard, with a screen reader, on a phone and on a wall, without movement; and the page keeps to itself.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { FACES } from "./harness/media.mjs";
import { Scene, STORY_MS } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ROOM = "studio";
const PHONE = { width: 360, height: 740 };

test("axe finds nothing on any screen, light and dark, in English and Chinese", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ben = await scene.person({ face: FACES.ben, url });
    await ben.join(ROOM);
    await ben.say("Hello. More at https://example.org/agenda");
    await ben.button("Raise hand").click();

    for (const locale of ["en-GB", "zh-CN"]) {
      for (const colorScheme of ["light", "dark"]) {
        await scene.step(`landing, prejoin, room: ${locale}, ${colorScheme}`, async () => {
          const ann = await scene.person({ face: FACES.ann, url, context: { locale, colorScheme } });
          const { page } = ann;
          const clean = (what) => findNothing(page, `${what}, ${locale}, ${colorScheme}`);
          await page.goto(url);
          await ann.button("Start or join").waitFor();
          await clean("landing");
          await page.locator("#room-name").fill("no good");
          await ann.button("Start or join").click();
          await clean("landing with a refusal");
          await ann.openRoom(ROOM);
          await page.getByRole("textbox", { name: "Your name" }).fill("Ann");
          await clean("prejoin");
          // The room has one theme, so once for each language is enough.
          if (colorScheme === "light") {
            await ann.button("Join").click();
            await ann.isInRoom();
            await ann.sees("Ben");
            await clean("room");
            await auditPanels(ann, clean);
            await ann.button("Leave").click();
            await page.getByRole("heading", { level: 1 }).waitFor();
            await clean("the end");
          }
          await ann.close();
        });
      }
    }

    await scene.step("prejoin without devices", async () => {
      const dora = await scene.person({ face: FACES.dora, url, devices: "denied" });
      await dora.openRoom(ROOM);
      await dora.page.getByText("The browser does not let this page use your camera.").first().waitFor();
      await findNothing(dora.page, "prejoin without devices");
    });
  }),
);

test("from the link to the end by keyboard alone", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ben = await scene.person({ face: FACES.ben, url });
    await ben.join(ROOM);
    const ann = await scene.person({ face: FACES.ann, url });
    const { page } = ann;
    const { keyboard } = page;

    await scene.step("a room, a name, in", async () => {
      await page.goto(url);
      await tabTo(page, "Room name");
      await keyboard.press("Control+A");
      await keyboard.type(ROOM);
      await keyboard.press("Enter");
      await tabTo(page, "Your name");
      await keyboard.type("Ann");
      await tabTo(page, "Join");
      await keyboard.press("Enter");
      await ann.isInRoom();
      await ben.sees("Ann");
    });

    await scene.step("every control can be reached, shows its focus, and works", async () => {
      await tabTo(page, "Mute microphone");
      await keyboard.press("Enter");
      await ben.tile("Ann").getByText("Microphone off", { exact: true }).waitFor({ state: "attached" });
      await tabTo(page, "Raise hand");
      await keyboard.press("Space");
      await ben.tile("Ann").getByText("Hand raised", { exact: true }).waitFor({ state: "attached" });
      await tabTo(page, "Choose camera");
      await keyboard.press("Enter");
      await tabTo(page, "Camera");
      await keyboard.press("Escape");
      await focusIs(page, "Choose camera");
    });

    await scene.step("chat: the focus goes in, stays in, and comes back", async () => {
      await tabTo(page, "Chat");
      await keyboard.press("Enter");
      await focusIs(page, "Message");
      await keyboard.type("by keyboard m v h");
      await keyboard.press("Enter");
      await ben.reads("by keyboard m v h");
      assert.equal(await ann.button("Unmute microphone").count(), 1, "letters typed are not shortcuts");
      for (let presses = 0; presses < 12; presses += 1) {
        await keyboard.press("Tab");
        assert.ok(await page.evaluate(() => document.activeElement?.closest("[role=dialog]") !== null), "the panel keeps the focus");
      }
      await keyboard.press("Escape");
      await focusIs(page, "Chat");
    });

    await scene.step("the shortcuts do what their list says", async () => {
      await page.evaluate(() => document.activeElement?.blur());
      await keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
      await keyboard.press("Escape");
      for (const [key, shown] of [
        ["m", "Mute microphone"],
        ["v", "Turn camera on"],
        ["v", "Turn camera off"],
        ["h", "Raise hand"],
        ["s", "Stop sharing"],
        ["s", "Share screen"],
      ]) {
        await keyboard.press(key);
        await ann.button(shown).waitFor();
      }
      await keyboard.press("p");
      await page.getByRole("dialog", { name: "People" }).waitFor();
      await keyboard.press("Escape");
      await keyboard.press("c");
      await focusIs(page, "Message");
      await keyboard.press("Escape");
    });

    await scene.step("out", async () => {
      await tabTo(page, "Leave");
      await keyboard.press("Enter");
      await page.getByRole("heading", { name: "You left the meeting" }).waitFor();
      await tabTo(page, "Rejoin");
      await until("Ann is gone", () => ben.tiles(), (names) => names.join() === "Ben");
    });
  }),
);

test("at 360 pixels nothing is cut off and every control is large enough for a thumb", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const ben = await scene.person({ face: FACES.ben, url });
    await ben.join(ROOM);
    for (const locale of ["en-GB", "zh-CN"]) {
      await scene.step(locale, async () => {
        const ann = await scene.person({ face: FACES.ann, url, context: { locale, viewport: PHONE, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } });
        const { page } = ann;
        await page.goto(url);
        await ann.button("Start or join").waitFor();
        await fits(page, "landing");
        await ann.openRoom(ROOM);
        await page.getByRole("textbox", { name: "Your name" }).fill("Ann");
        await fits(page, "prejoin");
        await ann.screenshot(`prejoin-phone-${locale}`);
        await ann.button("Join").click();
        await ann.isInRoom();
        await ann.sees("Ben");
        await fits(page, "room");
        const sizes = await page.getByRole("toolbar").getByRole("button").evaluateAll((buttons) =>
          buttons.map((button) => ({ name: button.getAttribute("aria-label"), width: button.offsetWidth, height: button.offsetHeight })),
        );
        assert.ok(sizes.length >= 5);
        assert.deepEqual(sizes.filter(({ width, height }) => width < 44 || height < 44), [], "smaller than 44 px");
        await ann.screenshot(`room-phone-${locale}`);
        await auditPanels(ann, (what) => fits(page, what));
        await page.setViewportSize({ width: 740, height: 360 });
        await fits(page, "room, phone on its side");
        assert.ok(await ann.button("Leave").isVisible());
        await ann.close();
      });
    }
  }),
);

test("on a 4K screen the faces fill the stage", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const viewport = { width: 3840, height: 2160 };
    const ann = await scene.person({ face: FACES.ann, url, context: { viewport } });
    // Without cameras: eight million pixels of moving pictures are not what is looked at here.
    const enter = async (person) => {
      await person.openRoom(ROOM, `?name=${person.name}&audio=0&video=0&join=1`);
      await person.isInRoom();
    };
    const others = await Promise.all([FACES.ben, FACES.cleo].map((face) => scene.person({ face, url })));
    const area = ({ width, height }) => (width * height) / (viewport.width * viewport.height);
    const boxes = () =>
      until(
        "tiles at rest",
        async () => {
          const look = async () => Promise.all(["Ben", "Cleo"].map((name) => ann.tile(name)).map(async (tile) => ((await tile.count()) > 0 ? tile.boundingBox() : null)));
          const [first, second] = [await look(), await look()];
          return JSON.stringify(first) === JSON.stringify(second) ? first.filter((box) => box !== null) : null;
        },
        (found) => found !== null && found.length > 0,
      );

    await enter(ann);
    await enter(others[0]);
    await ann.tile("Ben").waitFor();
    const [alone] = await boxes();
    assert.ok(area(alone) > 0.6, `one other person has most of the screen: ${JSON.stringify(alone)}`);

    await enter(others[1]);
    await ann.tile("Cleo").waitFor();
    const both = await until("two tiles", boxes, ({ length }) => length === 2);
    assert.ok(both.every((box) => area(box) > 0.2), JSON.stringify(both));
    assert.ok(!overlap(...both), "the faces of others do not overlap");
    assert.ok(both.every(({ width, height }) => Math.abs(width / height - 16 / 9) < 0.05), "tiles are 16:9");
    assert.ok(both.every(({ x, y, width, height }) => x >= 0 && y >= 0 && x + width <= viewport.width && y + height <= viewport.height));
    await fits(ann.page, "room");
    await ann.screenshot("room-4k");
  }),
);

test("who asks for less motion gets none; others get a little", { timeout: STORY_MS }, (t) =>
  Scene.play(t, async (scene) => {
    const { url } = await scene.server();
    const [ann, ben] = await Promise.all(
      [
        [FACES.ann, "reduce"],
        [FACES.ben, "no-preference"],
      ].map(([face, reducedMotion]) => scene.person({ face, url, context: { reducedMotion } })),
    );
    await Promise.all([ann.join(ROOM), ben.join(ROOM)]);
    await Promise.all([ann.sees("Ben"), ben.sees("Ann")]);
    const [still, lively] = await Promise.all([ann, ben].map((person) => countMovements(person)));
    assert.equal(still, 0);
    assert.ok(lively > 0, "the measure sees movement where it is allowed");
  }),
);

/** Opens each panel, dialog and menu of the room in turn. Their names differ by language, so they are found by their order. */
async function auditPanels(person, audit) {
  const { page } = person;
  for (const name of ["Chat", "People", "Invite"]) {
    await person.button(name).click();
    await page.getByRole("dialog").waitFor();
    await audit(`room with ${name}`);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  const more = page.getByRole("toolbar").locator("button[aria-expanded]").nth(-1);
  await more.click();
  await audit("room with the menu");
  const entries = await page.getByRole("dialog").locator(".menu-item").count();
  await page.keyboard.press("Escape");
  for (let entry = 0; entry < entries; entry += 1) {
    await more.click();
    const item = page.getByRole("dialog").locator(".menu-item").nth(entry);
    const text = await item.textContent();
    if (/name|名字|名称|Connection|连接|shortcuts|快捷键/.test(text)) {
      await item.click();
      await page.getByRole("dialog").first().waitFor();
      await audit(`room with ${text}`);
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  }
}

async function findNothing(page, what) {
  const violations = await page.evaluate(async (source) => {
    if (window.axe === undefined) {
      (0, eval)(source);
    }
    // Colours in the middle of a fade are nobody's colours.
    await Promise.all(document.getAnimations().map((animation) => (animation.effect?.getTiming().iterations === Infinity ? undefined : animation.finished.catch(() => undefined))));
    // The names of the controls are English in every language, a promise to scripts and tests; elsewhere they differ from what is written.
    const rules = document.documentElement.lang === "en" ? {} : { "label-content-name-mismatch": { enabled: false } };
    const { violations } = await window.axe.run(document, { rules });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
  }, AXE);
  assert.deepEqual(violations, [], what);
}

/** Nothing can be scrolled sideways, and nothing that can be used is beyond an edge. */
async function fits(page, what) {
  const found = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const beyond = [...document.querySelectorAll("button, input, select, textarea, a")]
      .filter((element) => element.closest("[inert]") === null && element.checkVisibility({ visibilityProperty: true }))
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.left < -0.5 || box.right > clientWidth + 0.5))
      .map(({ element }) => element.outerHTML.slice(0, 120));
    return { scrolls: scrollWidth > clientWidth, beyond };
  });
  assert.deepEqual(found, { scrolls: false, beyond: [] }, what);
}

/** Presses Tab until the element of this name has the focus, which then has to be visible. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await focused(page)).name === name) {
      const { ring } = await focused(page);
      assert.ok(ring, `the focus on ${name} can be seen`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never came to ${name}`);
}

async function focusIs(page, name) {
  await until(`the focus is on ${name}`, () => focused(page), (now) => now.name === name);
}

/** The accessible name of what has the focus, as far as these pages form names, and whether a ring is drawn around it. */
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const label = element?.getAttribute("aria-label") ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? "";
    const { outlineStyle, outlineWidth, boxShadow, borderColor } = getComputedStyle(element ?? document.body);
    const ring = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none" || element?.matches("input, textarea, select") === true;
    return { name: label.trim(), ring, borderColor };
  });
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** How many movements run while a panel opens and closes. */
async function countMovements(person) {
  await person.page.evaluate(() => {
    window.__movements = 0;
    const look = () => {
      window.__movements += document.getAnimations().filter((animation) => Number(animation.effect?.getComputedTiming().duration ?? 0) > 1).length;
      window.__looking = requestAnimationFrame(look);
    };
    look();
  });
  await person.openChat();
  await person.page.keyboard.press("Escape");
  await until("the panel is closed", () => person.page.getByRole("dialog").count(), (count) => count === 0);
  await person.page.setViewportSize({ width: 900, height: 700 });
  await person.sees("Ben" === person.name ? "Ann" : "Ben");
  return person.page.evaluate(() => {
    cancelAnimationFrame(window.__looking);
    return window.__movements;
  });
}
