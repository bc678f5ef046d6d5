// Owns the gallery: every state of the page with made-up people, for looking at. Only `vite dev` serves it, at
// /src/ui/gallery/index.html?state=<name of a scene>; it is no part of the built page.

import { render } from "preact";
import { App } from "../app";
import { createJourney } from "../journey";
import { scenes } from "./scenes";

const query = new URLSearchParams(location.search);
const scene = scenes[query.get("state") ?? ""];
const root = document.getElementById("app");

if (root !== null && scene === undefined) {
  render(
    <ul>
      {Object.keys(scenes).map((name) => (
        <li key={name}>
          <a href={`?state=${name}`}>{name}</a>
        </li>
      ))}
    </ul>,
    root,
  );
} else if (root !== null && scene !== undefined) {
  let address = new URL(scene.path, location.origin);
  const journey = createJourney({
    createMedia: scene.createMedia,
    joinRoom: scene.joinRoom,
    address: {
      read: () => address,
      push: (path) => {
        address = new URL(path, location.origin);
      },
      replace: (path) => {
        address = new URL(path, location.origin);
      },
    },
    recallName: () => scene.name,
    rememberName: () => undefined,
  });
  journey.follow();
  render(<App journey={journey} />, root);
}
