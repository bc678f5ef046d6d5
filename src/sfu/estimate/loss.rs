//! Owns what losses say of a link: a few are the radio's and mean nothing, many mean that too much is sent.

/// A longer and a shorter look at the packets whose fate is known.
const LONG_US: i64 = 1_000_000;
const LONG_PACKETS: u32 = 50;
const SHORT_US: i64 = 200_000;
const SHORT_PACKETS: u32 = 12;

/// The longest time that a look may take to come together.
const STALE_US: i64 = 5_000_000;

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    since: Option<i64>,
    packets: u32,
    lost: u32,
}

impl Window {
    fn note(&mut self, sent: i64, is_lost: bool, width: i64, least: u32) -> Option<f64> {
        let since = *self.since.get_or_insert(sent);
        self.packets += 1;
        self.lost += u32::from(is_lost);
        let passed = sent - since;
        let is_whole = passed >= width && self.packets >= least;
        if passed > STALE_US && !is_whole {
            *self = Self::default();
        }
        is_whole.then(|| {
            let share = f64::from(self.lost) / f64::from(self.packets);
            *self = Self::default();
            share
        })
    }
}

/// The two looks.
#[derive(Debug, Clone, Default)]
pub(super) struct Loss {
    long: Window,
    short: Window,
}

/// What has come together with one packet: shares from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shares {
    /// Of a second or more.
    pub(super) long: Option<f64>,
    /// Of a fifth of a second or more.
    pub(super) short: Option<f64>,
}

impl Loss {
    /// The fate of a packet sent at this time, in microseconds.
    pub(super) fn note(&mut self, sent: i64, is_lost: bool) -> Shares {
        Shares {
            long: self.long.note(sent, is_lost, LONG_US, LONG_PACKETS),
            short: self.short.note(sent, is_lost, SHORT_US, SHORT_PACKETS),
        }
    }

    /// What was sent before is no longer of interest.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}
