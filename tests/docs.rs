//! The documentation keeps up with the code: the README's table of settings, and links to files that are there.

use std::path::{Path, PathBuf};

use visavis::config::readme_table;

/// Pictures are made by the browser tests, not by hand.
const MADE_BY_TESTS: &str = "docs/images/";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_readme_has_the_table_of_settings_as_it_is() {
    let path = root().join("README.md");
    let text = read(&path);
    let (before, rest) = text.split_once("<!-- settings: UPDATE_DOCS=1 cargo test --test docs -->\n").expect("the marker");
    let (table, after) = rest.split_once("<!-- /settings -->").expect("the closing marker");
    let wanted = format!("\n{}\n", readme_table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let marker = "<!-- settings: UPDATE_DOCS=1 cargo test --test docs -->\n";
        std::fs::write(&path, format!("{before}{marker}{wanted}<!-- /settings -->{after}")).expect("README.md can be written");
    } else {
        assert_eq!(table, wanted, "README.md is out of date: run UPDATE_DOCS=1 cargo test --test docs");
    }
}

#[test]
fn links_in_the_documentation_lead_to_files_that_are_there() {
    for page in ["README.md", "docs/operations.md", "docs/resume.md", "docs/sfu.md", "turn-config/README.md", "CHANGELOG.md"] {
        let path = root().join(page);
        let text = read(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or("");
            if file.is_empty() || link.contains("://") || link.starts_with(MADE_BY_TESTS) {
                continue;
            }
            let target: PathBuf = path.parent().expect("a file has a folder").join(file);
            assert!(target.exists(), "{page} links to {link}, which is not there");
        }
    }
}
