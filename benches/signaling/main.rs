//! What the hub costs: signals relayed per second of one core beside a plain echo, memory per idle member, and how soon a full
//! room hears of a newcomer.
//!
//! The servers run as processes of their own, tied to core 0; the load runs on the other cores. CPU is read from the operating
//! system for the server's process, never from the load. Both servers take turns (A B A B), and what counts is the ratio of
//! their medians: machines differ, and so do their neighbours.

mod client;
mod echo;
mod idle;
mod joining;
mod load;
mod relay;
mod report;
mod server;

use report::Report;

/// Rounds of each of the two servers.
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|arg| arg == echo::ARGUMENT) {
        return echo::serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(measure());
    println!("{}", report.table());
    report.write().expect("target/bench can be written");
}

async fn measure() -> Report {
    let mut report = Report::default();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}: echo, then relay");
        report.echo.push(relay::measure_echo().await);
        report.relay.push(relay::measure_relay().await);
    }
    eprintln!("joining a room of 200");
    report.joining = Some(joining::measure().await);
    eprintln!("10,000 idle members");
    report.idle = Some(idle::measure().await);
    report
}
