// Owns one test's cast: opens people, servers and peers, keeps pictures of a failure, and closes everything in order.

import { Coturn } from "./coturn.mjs";
import { FirefoxPerson } from "./firefox.mjs";
import { Network } from "./network.mjs";
import { Peer } from "./peer.mjs";
import { Person } from "./person.mjs";
import { Proxy } from "./proxy.mjs";
import { Server } from "./server.mjs";

/** The longest that a story may take: far beyond what it needs, on a machine that is busy with other things. */
export const STORY_MS = 300_000;

/** The story cannot go on; the step that failed has said why. */
class Stopped extends Error {}

export class Scene {
  people = [];
  #closers = [];
  #t;

  constructor(t) {
    this.#t = t;
  }

  /**
   * Runs `story` with a scene; whatever the end, everything is closed.
   * @param {import("node:test").TestContext} t
   * @param {(scene: Scene) => Promise<void>} story
   */
  static async play(t, story) {
    const scene = new Scene(t);
    try {
      await story(scene);
      await scene.#closePeople();
    } catch (error) {
      if (!(error instanceof Stopped)) {
        await scene.#keepEvidence(t.name);
      }
      throw error;
    } finally {
      await scene.#closeAll();
    }
  }

  /**
   * One step of the story, reported on its own. A step that fails ends the story: the next ones rest on it.
   * @param {string} title a sentence
   * @param {() => Promise<void>} act
   */
  async step(title, act) {
    let failure = null;
    await this.#t.test(title, async () => {
      try {
        await act();
      } catch (error) {
        failure = error;
        await this.#keepEvidence(title);
        throw error;
      }
    });
    if (failure !== null) {
      throw new Stopped(`the story ends after: ${title}`);
    }
  }

  async server(flags) {
    const server = await Server.start(flags);
    this.#closers.push(() => server.stop());
    return server;
  }

  async proxy(server) {
    const proxy = await Proxy.start(server);
    this.#closers.push(() => proxy.stop());
    return proxy;
  }

  async coturn(options) {
    const coturn = await Coturn.start(options);
    this.#closers.push(() => coturn.stop());
    return coturn;
  }

  /** A network of its own for one person's browser: `executablePath` of {@link person}. */
  async network() {
    const network = await Network.start();
    this.#closers.push(() => network.stop());
    return network;
  }

  /** @param {Parameters<typeof Person.open>[0]} options */
  person(options) {
    return this.#seat(Person.open(options));
  }

  /** @param {Parameters<typeof FirefoxPerson.open>[0]} options */
  firefox(options) {
    return this.#seat(FirefoxPerson.open(options));
  }

  async #seat(opening) {
    const person = await opening;
    this.people.push(person);
    this.#closers.push(() => person.browser.close());
    return person;
  }

  peer(options) {
    const peer = new Peer(options);
    this.#closers.push(() => peer.child.stop("SIGKILL"));
    return peer;
  }

  async #closePeople() {
    for (const person of this.people) {
      if (person.isOpen()) {
        await person.close();
      }
    }
  }

  async #keepEvidence(title) {
    // Not the whole title: some file systems stop at 255 bytes.
    const slug = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 60);
    for (const person of this.people) {
      await person.keepEvidence(`failed-${slug}-${person.name}`);
    }
  }

  async #closeAll() {
    for (const close of this.#closers.reverse()) {
      await close().catch((error) => console.error(error));
    }
  }
}
