//! What an idle transport holds of the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use rtc_datachannel::message::message_channel_open::ChannelType;

use crate::client::{Check, Client, GCM_AND_CM};
use crate::world::World;

thread_local! {
    /// Bytes that this thread has allocated and not freed, while it counts.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // Gone at the very end of a thread.
    let _ = COUNTS.try_with(|counts| {
        if counts.get() {
            HELD.with(|held| held.set(held.get() + bytes));
        }
    });
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are those that the system's allocator wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

/// The bytes that `World` frees with its transport.
fn held_by_transport(world: World) -> isize {
    let World { transport, .. } = world;
    HELD.set(0);
    COUNTS.set(true);
    drop(transport);
    COUNTS.set(false);
    -HELD.get()
}

#[test]
fn an_idle_transport_is_small() {
    const KIB: isize = 1024;
    let mut connected = World::connected(Client::new(&GCM_AND_CM, 1200));
    connected.pass(Duration::from_secs(60), true);
    let held = held_by_transport(connected);
    assert!((4 * KIB..20 * KIB).contains(&held), "connected: {held} bytes");

    let mut with_data = World::connected(Client::new(&GCM_AND_CM, 1200));
    with_data.client.associate(with_data.now);
    with_data.run();
    with_data.client.open(with_data.now, 0, "bus", ChannelType::Reliable);
    with_data.run();
    for _ in 0..100 {
        with_data.check(with_data.tuple, Check::Nominating);
        assert_eq!(with_data.transport.send_data(with_data.now, false, true, &[7; 20_000]), Ok(()));
        with_data.pass(Duration::from_secs(1), true);
    }
    let held = held_by_transport(with_data);
    assert!((4 * KIB..27 * KIB).contains(&held), "with data channels: {held} bytes");
}
