//! Owns which shard the datagrams of an address belong to, where the kernel gives them to another one.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::limits::LEARNED_MAX;
use crate::sfu::ShardId;

/// Addresses of other shards. The table is bounded by forgetting what has not been asked for the longest: it has a young and an
/// old half; when the young one is full it becomes the old one.
#[derive(Debug, Default)]
pub(super) struct Learned {
    young: HashMap<SocketAddr, ShardId>,
    old: HashMap<SocketAddr, ShardId>,
}

impl Learned {
    /// A transport of `shard` has answered a check from this address with success, so that it was not forged.
    pub(super) fn learn(&mut self, remote: SocketAddr, shard: ShardId) {
        self.old.remove(&remote);
        if self.young.len() >= LEARNED_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(remote, shard);
    }

    /// The address is our own, now.
    pub(super) fn forget(&mut self, remote: SocketAddr) {
        self.young.remove(&remote);
        self.old.remove(&remote);
    }

    /// Whose its datagrams are, if they are another shard's.
    pub(super) fn find(&mut self, remote: SocketAddr) -> Option<ShardId> {
        if self.young.is_empty() && self.old.is_empty() {
            return None;
        }
        if let Some(shard) = self.young.get(&remote) {
            return Some(*shard);
        }
        let shard = self.old.remove(&remote)?;
        self.learn(remote, shard);
        Some(shard)
    }

    /// How many it has.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> SocketAddr {
        ([10, (number >> 16) as u8, (number >> 8) as u8, number as u8], 1000).into()
    }

    #[test]
    fn the_last_one_learned_counts_until_it_is_our_own() {
        let mut learned = Learned::default();
        assert_eq!(learned.find(address(1)), None);
        learned.learn(address(1), ShardId(3));
        learned.learn(address(1), ShardId(4));
        assert_eq!((learned.find(address(1)), learned.len()), (Some(ShardId(4)), 1));
        learned.forget(address(1));
        assert_eq!(learned.find(address(1)), None);
    }

    #[test]
    fn it_is_bounded_and_what_is_in_use_stays() {
        let mut learned = Learned::default();
        learned.learn(address(0), ShardId(1));
        for number in 1..3 * LEARNED_MAX {
            learned.learn(address(number), ShardId(2));
            assert!(learned.len() <= LEARNED_MAX);
            if number % 1000 == 0 {
                assert_eq!(learned.find(address(0)), Some(ShardId(1)));
            }
        }
        assert_eq!(learned.find(address(1)), None);
    }
}
