//! Owns the process: its arguments go in, its exit code comes out.

use std::process::ExitCode;

fn main() -> ExitCode {
    visavis::cli::run(std::env::args_os())
}
