//! Owns the fence around libraries that read what strangers send: should one panic, it costs one transport, not its shard.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls, and gives nothing when the call has panicked. What it worked on must not be used again: that it may be broken is why
/// the fence can be asserted to be safe.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_fence() {
        assert_eq!(guarded(|| 7), Some(7));
        let beyond: &[u8] = &[];
        assert_eq!(guarded(|| beyond[std::hint::black_box(3)]), None);
    }
}
