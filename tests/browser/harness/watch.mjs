// Owns watching a call from inside the page for a while: the longest time without a new frame, what was announced, who was gone.

/**
 * Starts to watch: every connected link has to bring pictures from now on.
 * @param {import("./person.mjs").Person} person
 */
export function startWatching({ page }) {
  return page.evaluate(() => {
    const state = { longestPauseMs: 0, looks: 0, announcements: [], leastTiles: Infinity };
    window.__watch = state;
    const seen = new Map();
    const look = async () => {
      for (const connection of window.__probe.peerConnections.filter(({ connectionState }) => connectionState !== "closed")) {
        const stats = [...(await connection.getStats()).values()];
        const videos = stats.filter(({ type, kind }) => type === "inbound-rtp" && kind === "video");
        const frames = Math.max(...videos.map(({ framesDecoded }) => framesDecoded ?? 0));
        const before = seen.get(connection) ?? { frames: -1, atMs: performance.now() };
        const now = frames > before.frames ? { frames, atMs: performance.now() } : before;
        seen.set(connection, now);
        state.longestPauseMs = Math.max(state.longestPauseMs, Math.round(performance.now() - now.atMs));
      }
      state.looks += 1;
      state.leastTiles = Math.min(state.leastTiles, document.querySelectorAll("figure").length);
      setTimeout(look, 200);
    };
    void look();
    new MutationObserver(() => {
      for (const place of document.querySelectorAll("[role=status]")) {
        const text = place.textContent;
        if (text !== "" && state.announcements.at(-1) !== text) {
          state.announcements.push(text);
        }
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

/**
 * What was seen since.
 * @returns {Promise<{longestPauseMs: number, looks: number, announcements: string[], leastTiles: number}>}
 */
export function watched({ page }) {
  return page.evaluate(() => window.__watch);
}

/** A path that is lost and made again leaves a gap of 5 s at least: consent to send has to expire first (RFC 7675). */
export const PAUSE_MS_MAX = 4500;
