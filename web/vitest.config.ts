// Owns how the tests run: in Node, without a browser; what needs one is tested in real browsers elsewhere.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["src/**/*.test.{ts,tsx}", "test/**/*.test.{ts,tsx}"], environment: "node" },
});
