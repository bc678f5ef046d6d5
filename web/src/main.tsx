// Owns the entry point: puts the page on the screen.

import { render } from "preact";

const root = document.getElementById("app");
if (root !== null) {
  render(<main>visavis</main>, root);
}
