import { expect, test } from "vitest";
import type { Participant } from "../../room/state";
import { fakeMember, fakeParticipant } from "../gallery/fakes";
import type { Placement } from "./arrangement";
import { listHidden, listVisible } from "./visible";

const place = (role: Placement["role"], width = 160): Placement => ({ role, rect: { x: 0, y: 0, width, height: (width * 9) / 16 } });
const through = (id: string, presence = {}): Participant => fakeParticipant(fakeMember(id, id, presence), { reach: "server" });

const see = (participants: readonly Participant[], placements: Record<string, Placement>, more = {}) =>
  listVisible({
    arrangement: { placements: new Map(Object.entries(placements)) },
    participants,
    pinned: null,
    speaker: null,
    scale: 1,
    ...more,
  });

test("what is on another page, off, or comes directly is not asked for", () => {
  const participants = [
    through("a"),
    through("b"),
    through("c", { camera_off: true }),
    fakeParticipant(fakeMember("d", "d")),
  ];
  const placements = { "camera:a": place("grid"), "camera:b": place("elsewhere"), "camera:c": place("grid"), "camera:d": place("grid") };
  expect(see(participants, placements).map(({ participant }) => participant)).toEqual(["a"]);
});

test("the large tile comes first, then who speaks, then the others in the order of coming", () => {
  const participants = ["a", "b", "c", "d"].map((id) => through(id, { sharing: id === "c" }));
  const placements = {
    "camera:a": place("strip"),
    "camera:b": place("strip"),
    "camera:c": place("strip"),
    "camera:d": place("strip"),
    "screen:c": place("large", 1000),
  };
  const order = see(participants, placements, { speaker: "b" }).map(({ source, participant }) => `${source}:${participant}`);
  expect(order).toEqual(["screen:c", "camera:b", "camera:a", "camera:c", "camera:d"]);
});

test("sizes are of the device's pixels, and an enlarged tile says so", () => {
  const [seen] = see([through("a")], { "camera:a": place("large", 320) }, { scale: 2, pinned: "camera:a" });
  expect(seen).toEqual({ participant: "a", source: "camera", width: 640, height: 360, pinned: true });
});

test("whose camera is on another page is hidden, wherever it comes from; a screen on another page hides nobody", () => {
  const participants = [through("a"), through("b"), fakeParticipant(fakeMember("c", "c")), fakeParticipant(fakeMember("d", "d"))];
  const placements = new Map(
    Object.entries({ "camera:a": place("grid"), "camera:b": place("elsewhere"), "camera:c": place("elsewhere"), "camera:d": place("strip"), "screen:d": place("elsewhere") }),
  );
  expect(listHidden({ placements }, participants)).toEqual(["b", "c"]);
});
