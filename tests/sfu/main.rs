//! The SFU as a whole against members as browsers are, under virtual time.

mod abuse;
mod allocations;
mod camera;
mod client;
mod crowd;
mod meeting;
mod member;
mod offer;
mod receiver;
mod repair;
#[path = "../sim/meetings.rs"]
mod simulation;
mod world;

/// Counts what the test's own thread allocates while it is asked to.
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;
