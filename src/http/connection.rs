//! Owns how many connections there are, and who each one's guard is: a slot that is given back when the last user drops it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection's slot. It travels with each request, so that a WebSocket keeps the slot of the connection it came by.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// All slots of the server.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    semaphore: Arc<Semaphore>,
    count: u32,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(count as usize)), count }
    }

    /// A slot, or none when all are taken.
    pub(super) fn take(&self) -> Option<Guard> {
        let permit = Arc::clone(&self.semaphore).try_acquire_owned().ok()?;
        Some(Guard { _permit: Arc::new(permit) })
    }

    /// Resolves when every slot has been given back.
    pub(super) async fn all_free(&self) {
        let _ = self.semaphore.acquire_many(self.count).await;
    }
}
