//! Makes sure that the folder of the built page exists, and embeds it again when it changes. Building the page is the
//! Makefile's part: a binary built without it says so where the page would be.

use std::fs;
use std::path::Path;

fn main() {
    let page = Path::new("web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", page.display());
    if let Err(error) = fs::create_dir_all(page) {
        panic!("cannot make {}, where the built page belongs: {error}", page.display());
    }
}
