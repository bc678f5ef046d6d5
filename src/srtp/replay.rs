//! Owns the index of received packets: what it must be, and which have been seen (RFC 3711 sections 3.3.1 and 3.3.2).

/// The newest index and which of the 128 up to it have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    newest: u64,
    /// Bit `n`: the index `newest - n` was seen.
    seen: u128,
}

impl Window {
    /// Indices that are told apart; older ones count as seen.
    pub const LEN: u64 = 128;

    /// A window whose first packet had this index.
    pub fn new(index: u64) -> Self {
        Self { newest: index, seen: 1 }
    }

    /// Whether a packet with this index may still come.
    pub fn is_new(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => true,
            Some(age) => age < Self::LEN && self.seen >> age & 1 == 0,
        }
    }

    /// Notes a packet that is authentic.
    pub fn note(&mut self, index: u64) {
        match index.checked_sub(self.newest) {
            Some(ahead) => {
                let kept = if ahead < Self::LEN { self.seen << ahead } else { 0 };
                (self.newest, self.seen) = (index, kept | 1);
            }
            None => {
                let age = self.newest - index;
                if age < Self::LEN {
                    self.seen |= 1 << age;
                }
            }
        }
    }

    /// The 48-bit index nearest to the newest one that ends in this sequence number. Before the first wrap there is none below
    /// it, after the last none above: then the count stays.
    pub fn estimate(&self, sequence: u16) -> u64 {
        let (roc, newest) = (self.newest >> 16, self.newest as u16);
        let ahead = i32::from(sequence) - i32::from(newest);
        let roc = match ahead {
            ..-0x8000 if roc < u64::from(u32::MAX) => roc + 1,
            0x8001.. if roc > 0 => roc - 1,
            _ => roc,
        };
        roc << 16 | u64::from(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_new_once() {
        let mut window = Window::new(1000);
        assert!(!window.is_new(1000));
        for index in [1001, 1003, 1002, 1128, 1004] {
            assert!(window.is_new(index), "{index}");
            window.note(index);
            assert!(!window.is_new(index), "{index} again");
        }
        assert!(!window.is_new(1000), "128 before the newest");
        assert!(window.is_new(1005));
        window.note(5000);
        assert!(!window.is_new(1005) && window.is_new(4999) && !window.is_new(5000 - 128));
        let before = window;
        window.note(1005);
        assert_eq!(window, before, "too old to be noted");
    }

    #[test]
    fn the_count_of_wraps_follows_the_nearest_number() {
        let at = |roc: u64, sequence: u64| Window::new(roc << 16 | sequence);
        assert_eq!(at(0, 65_530).estimate(3), 1 << 16 | 3);
        assert_eq!(at(1, 3).estimate(65_530), 65_530, "late, from before the wrap");
        assert_eq!(at(0, 3).estimate(65_530), 65_530, "nothing is before the first");
        assert_eq!(at(7, 100).estimate(101), 7 << 16 | 101);
        assert_eq!(at(7, 0).estimate(0x8000), 7 << 16 | 0x8000);
        assert_eq!(at(7, 0x8000).estimate(0), 7 << 16);
        assert_eq!(at(u64::from(u32::MAX), 65_535).estimate(0), u64::from(u32::MAX) << 16, "nothing is after the last");
    }
}
