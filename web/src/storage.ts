// Owns what the browser remembers for the page. A browser may forbid that; then nothing is remembered, and nothing fails.

export interface Memory {
  recall(key: string): string | null;
  /** Null forgets. */
  remember(key: string, value: string | null): void;
}

const PREFIX = "visavis.";

/** Over all visits (`local`), or for this tab only, a reload included (`session`). */
export function memoryOf(kind: "local" | "session"): Memory {
  const storage = () => (kind === "local" ? localStorage : sessionStorage);
  return {
    recall: (key) => {
      try {
        return storage().getItem(PREFIX + key);
      } catch {
        return null;
      }
    },
    remember: (key, value) => {
      try {
        if (value === null) {
          storage().removeItem(PREFIX + key);
        } else {
          storage().setItem(PREFIX + key, value);
        }
      } catch {
        // Full or forbidden: the page works without.
      }
    },
  };
}
