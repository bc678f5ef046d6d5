//! Owns a server process that is measured: tied to one core, asked for its address, read for its CPU time and memory.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The core that the server has for itself.
const CORE: &str = "0";

pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// The server under measurement, with no limit on how fast it reads.
    pub async fn visavis() -> Self {
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "off",
            "--sfu",
            "off",
            "--frames-per-second",
            "1000000",
            "--log-format",
            "json",
        ];
        let mut command = tied(env!("CARGO_BIN_EXE_visavis"));
        let mut child = command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("taskset runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("readable").expect("the server says where it listens");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if line["message"] == "listening" {
                break line["address"].as_str().and_then(|address| address.parse().ok()).expect("an address");
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// A plain echo over warp's own WebSocket.
    pub async fn echo() -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut command = tied(own.to_str().expect("a path in UTF-8"));
        let mut child = command.arg(super::echo::ARGUMENT).stdout(Stdio::piped()).spawn().expect("taskset runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.expect("readable").expect("the echo says where it listens");
        Self { child, address: line.parse().expect("an address") }
    }

    fn stat(&self) -> String {
        let pid = self.child.id().expect("it runs");
        std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux has /proc")
    }

    /// User and system time of the process so far.
    pub fn cpu(&self) -> Duration {
        // Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces.
        let stat = self.stat();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10) // USER_HZ is 100 on every Linux that Rust runs on
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let pid = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux has /proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line with the memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub async fn stop(mut self) {
        let _ = self.child.kill().await;
    }
}

fn tied(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CORE, program]).kill_on_drop(true);
    command
}
