//! Owns the figures and how they are written: a table for people, JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use serde_json::json;

/// What one round brought.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub frames: u64,
    pub cpu: Duration,
    pub wall: Duration,
}

impl Rate {
    fn per_second(&self) -> f64 {
        self.frames as f64 / self.wall.as_secs_f64()
    }

    /// How much of its core the server had work for, in percent. Far below 100, the load was what was measured.
    fn busy_percent(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64() * 100.0
    }

    /// Frames per second of CPU time that the server had: what a whole core would do.
    fn per_core_second(&self) -> f64 {
        self.frames as f64 / self.cpu.as_secs_f64()
    }
}

#[derive(Debug)]
pub struct Percentiles {
    p50: Duration,
    p99: Duration,
    max: Duration,
    count: usize,
}

impl Percentiles {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0), count: times.len() }
    }
}

#[derive(Debug)]
pub struct Idle {
    pub members: usize,
    pub before_kib: u64,
    pub after_kib: u64,
    pub opened: Duration,
    pub cpu: Duration,
}

impl Idle {
    fn kib_per_member(&self) -> f64 {
        (self.after_kib - self.before_kib) as f64 / self.members as f64
    }
}

#[derive(Debug, Default)]
pub struct Report {
    pub echo: Vec<Rate>,
    pub relay: Vec<Rate>,
    pub joining: Option<Percentiles>,
    pub idle: Option<Idle>,
}

/// Median, least and most.
fn spread(rates: &[Rate], of: impl Fn(&Rate) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = rates.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

impl Report {
    /// Median of relayed signals per core second, by that of the echo in the same run.
    fn ratio(&self) -> f64 {
        spread(&self.relay, Rate::per_core_second).0 / spread(&self.echo, Rate::per_core_second).0
    }

    pub fn table(&self) -> String {
        let mut table = String::from("| what | median | least | most |\n|---|---:|---:|---:|\n");
        let mut row = |what: &str, (median, least, most): (f64, f64, f64)| {
            let _ = writeln!(table, "| {what} | {median:.0} | {least:.0} | {most:.0} |");
        };
        row("echo by warp: frames per second of one core", spread(&self.echo, Rate::per_core_second));
        row("visavis: signals relayed per second of one core", spread(&self.relay, Rate::per_core_second));
        row("echo by warp: frames per second, as it ran", spread(&self.echo, Rate::per_second));
        row("visavis: signals per second, as it ran", spread(&self.relay, Rate::per_second));
        row("echo by warp: percent of the core in use", spread(&self.echo, Rate::busy_percent));
        row("visavis: percent of the core in use", spread(&self.relay, Rate::busy_percent));
        let _ = writeln!(table, "\nrelay / echo: {:.2} (aim: at least 0.5)", self.ratio());
        if let Some(joining) = &self.joining {
            let _ = writeln!(
                table,
                "join of the 200th member, connect to news at all {} times: p50 {:.1?}, p99 {:.1?}, max {:.1?} (aim: p99 < 50 ms)",
                joining.count, joining.p50, joining.p99, joining.max
            );
        }
        if let Some(idle) = &self.idle {
            let _ = writeln!(
                table,
                "{} idle members in rooms of 10: {:.1} KiB each (aim: 16 or less), let in within {:.1?}, {:.0?} of CPU each",
                idle.members,
                idle.kib_per_member(),
                idle.opened,
                idle.cpu / idle.members as u32
            );
        }
        table
    }

    /// Writes `target/bench/signaling.{md,json}`.
    pub fn write(&self) -> std::io::Result<()> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("signaling.md"), self.table())?;
        let rates = |rates: &[Rate]| {
            let round =
                |rate: &Rate| json!({"frames": rate.frames, "cpu_s": rate.cpu.as_secs_f64(), "wall_s": rate.wall.as_secs_f64()});
            rates.iter().map(round).collect::<Vec<_>>()
        };
        let report = json!({
            "echo": rates(&self.echo),
            "relay": rates(&self.relay),
            "relay_by_echo": self.ratio(),
            "join_ms": self.joining.as_ref().map(|joining| json!({
                "p50": joining.p50.as_secs_f64() * 1e3, "p99": joining.p99.as_secs_f64() * 1e3, "max": joining.max.as_secs_f64() * 1e3,
            })),
            "idle": self.idle.as_ref().map(|idle| json!({
                "members": idle.members, "kib_per_member": idle.kib_per_member(), "opened_s": idle.opened.as_secs_f64(),
                "cpu_s": idle.cpu.as_secs_f64(),
            })),
        });
        std::fs::write(folder.join("signaling.json"), serde_json::to_string_pretty(&report)?)
    }
}
