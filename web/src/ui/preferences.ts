// Owns what this browser remembers between visits. A browser that refuses storage just forgets.

export type Preference = "name" | "language";

export function recall(preference: Preference): string | null {
  try {
    return localStorage.getItem(`visavis.${preference}`);
  } catch {
    return null;
  }
}

export function remember(preference: Preference, value: string): void {
  try {
    localStorage.setItem(`visavis.${preference}`, value);
  } catch {
    // Private windows and blocked cookies: nothing is lost but convenience.
  }
}
