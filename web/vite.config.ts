// Owns how the page is built: hashed files, no inline script or style (the server's CSP forbids them).

import { defineConfig } from "vite";

const SERVER = process.env["VISAVIS_SERVER"] ?? "http://localhost:8080";

export default defineConfig({
  build: {
    target: "es2022",
    // A data: URL would be an inline asset; the few small files are better cached by name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/api": { target: SERVER, ws: true, changeOrigin: true } },
  },
});
