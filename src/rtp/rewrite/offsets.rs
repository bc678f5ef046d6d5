//! Owns how far a running number that goes out is from the one that came in: it changes with each one that is left out.

/// How many changes are remembered. What is older is too late to be forwarded.
const CHANGES_MAX: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Change {
    /// The first number that was left out here.
    gone_from: u64,
    /// The first number that has this offset.
    from: u64,
    /// What is taken from the incoming number.
    offset: u64,
}

/// The offsets of late: in the order of incoming numbers.
#[derive(Debug, Clone)]
pub(super) struct Offsets {
    /// A ring; `len` of them, of which the newest is at `newest`.
    changes: [Change; CHANGES_MAX],
    newest: usize,
    len: usize,
}

impl Offsets {
    /// From this incoming number on, which goes out as `outgoing`.
    pub fn new(incoming: u64, outgoing: u64) -> Self {
        let mut offsets = Self { changes: [Change::default(); CHANGES_MAX], newest: 0, len: 1 };
        offsets.changes[0] = Change { gone_from: incoming, from: incoming, offset: incoming.wrapping_sub(outgoing) };
        offsets
    }

    /// What goes out for a number that is higher than all before it.
    pub fn next(&self, incoming: u64) -> u64 {
        incoming.wrapping_sub(self.changes[self.newest].offset)
    }

    /// What goes out for any number; none when it was left out, or is from before the oldest change that is remembered.
    pub fn find(&self, incoming: u64) -> Option<u64> {
        for back in 0..self.len {
            let change = &self.changes[(self.newest + CHANGES_MAX - back) % CHANGES_MAX];
            if incoming >= change.from {
                return Some(incoming.wrapping_sub(change.offset));
            }
            if incoming >= change.gone_from {
                return None;
            }
        }
        None
    }

    /// This number, higher than all before it, is left out, and leaves no gap.
    pub fn leave_out(&mut self, incoming: u64) {
        let last = &mut self.changes[self.newest];
        if last.from == incoming && last.gone_from < last.from {
            last.from += 1;
            last.offset = last.offset.wrapping_add(1);
        } else {
            let offset = last.offset.wrapping_add(1);
            self.push(Change { gone_from: incoming, from: incoming + 1, offset });
        }
    }

    /// From `incoming` on, which is higher than all before it, what goes out is one higher: something of our own went out.
    pub fn put_in(&mut self, incoming: u64) {
        let last = &mut self.changes[self.newest];
        if last.from == incoming {
            last.offset = last.offset.wrapping_sub(1);
        } else {
            let offset = last.offset.wrapping_sub(1);
            self.push(Change { gone_from: incoming, from: incoming, offset });
        }
    }

    fn push(&mut self, change: Change) {
        self.newest = (self.newest + 1) % CHANGES_MAX;
        self.changes[self.newest] = change;
        self.len = (self.len + 1).min(CHANGES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut offsets = Offsets::new(100, 7);
        assert_eq!((offsets.next(100), offsets.next(103)), (7, 10));
        offsets.leave_out(104);
        offsets.leave_out(105);
        offsets.leave_out(107);
        assert_eq!(offsets.next(108), 12);
        assert_eq!(
            [99, 103, 104, 105, 106, 107, 108].map(|at| offsets.find(at)),
            [None, Some(10), None, None, Some(11), None, Some(12)]
        );
    }

    #[test]
    fn what_is_put_in_takes_a_number() {
        let mut offsets = Offsets::new(100, 7);
        offsets.put_in(101);
        assert_eq!([100, 101].map(|at| offsets.find(at)), [Some(7), Some(9)]);
        offsets.leave_out(101);
        assert_eq!([100, 101, 102].map(|at| offsets.find(at)), [Some(7), None, Some(9)]);
    }

    #[test]
    fn the_oldest_changes_are_forgotten() {
        let mut offsets = Offsets::new(0, 0);
        for number in (1..1000).step_by(2) {
            offsets.leave_out(number);
        }
        assert_eq!((offsets.find(0), offsets.find(998), offsets.find(999)), (None, Some(499), None));
    }
}
