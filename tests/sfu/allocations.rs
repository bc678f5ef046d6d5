//! Owns the count of allocations, and the story that forwarding makes none.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use crate::offer::Wants;
use crate::world::World;

thread_local! {
    static COUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The system's allocator, with a counter for each thread.
pub struct Counting;

fn count() {
    let _ = COUNTED.try_with(|counted| counted.set(counted.get().map(|count| count + 1)));
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often a piece of work allocates.
pub fn during<T>(work: impl FnOnce() -> T) -> (T, u64) {
    COUNTED.set(Some(0));
    let done = work();
    (done, COUNTED.replace(None).unwrap_or(0))
}

#[test]
fn a_hundred_thousand_forwarded_packets_allocate_nothing() {
    let mut world = World::meet(51, 2);
    for number in 3..=12 {
        world.join(number, "room", Wants { camera: false, microphone: false, ..Wants::default() }, false);
        world.view(number, &[(1, 720), (2, 720)]);
    }
    world.view(1, &[(2, 720)]);
    world.view(2, &[(1, 720)]);
    // Rings grow until they hold their history: of each member's last 2048 packets, of 1.5 s of each layer.
    world.run_ms(12_000);
    let (before, sent) = (world.allocations, world.sfu.stats().packets_out);
    while world.sfu.stats().packets_out - sent < 100_000 {
        world.run_ms(100);
    }
    assert_eq!(world.allocations - before, 0, "of media that comes, and of sending it");
    world.end();
}

#[test]
fn the_counter_counts() {
    assert_eq!(during(|| Vec::<u8>::with_capacity(100)).1, 1);
    assert_eq!(during(|| 1 + 1).1, 0);
}
