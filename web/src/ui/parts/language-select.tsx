// Owns the choice of language.

import { language, LANGUAGES, setLanguage, words } from "../words/language";
import { LanguagesIcon } from "./icons";
import { SelectBox } from "./select-box";

export function LanguageSelect() {
  return (
    <label class="language-select">
      <LanguagesIcon />
      <span class="unseen">{words.value.language}</span>
      <SelectBox>
        <select value={language.value} onChange={(event) => choose(event.currentTarget.value)}>
        {LANGUAGES.map((entry) => (
          <option key={entry.language} value={entry.language} lang={entry.language}>
            {entry.label}
          </option>
        ))}
        </select>
      </SelectBox>
    </label>
  );
}

function choose(value: string): void {
  const entry = LANGUAGES.find((candidate) => candidate.language === value);
  if (entry !== undefined) {
    setLanguage(entry.language);
  }
}
