//! Owns the guess which name was meant by a misspelt one.

/// The known name that is close enough to `given` to have been meant.
pub(super) fn closest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const CLOSE: f64 = 0.7;
    let likeness = |name: &str| {
        let whole = strsim::normalized_damerau_levenshtein(given, name);
        // The right name in the wrong section, or in none.
        let last = strsim::normalized_damerau_levenshtein(last_part(given), last_part(name));
        whole.max(last * 0.95)
    };
    let scored = known.into_iter().map(|name| (likeness(name), name));
    scored.filter(|(score, _)| *score >= CLOSE).max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name)
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_suggested_and_nothing_far_off() {
        let known = ["http.listen", "http.admin_listen", "rooms.members_max", "log.format"];
        for (given, meant) in [
            ("http.listne", Some("http.listen")),
            ("listen", Some("http.listen")),
            ("rooms.members-max", Some("rooms.members_max")),
            ("limits.members_max", Some("rooms.members_max")),
            ("log.fromat", Some("log.format")),
            ("http.database", None),
        ] {
            assert_eq!(closest(given, known), meant, "{given}");
        }
    }
}
