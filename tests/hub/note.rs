//! Owns what is written into every message of the simulation: who may read it, and whether one before it is missing.

/// What a message is and promises. All of one kind from one to the same are a strand: the `latest` ones may skip, `Once` may do
/// anything but stray, the others come all, once and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Signal,
    Chat,
    Bus,
    Bytes,
    LatestBus,
    LatestBytes,
    Once,
    /// An offer to the SFU and its answer.
    Offer,
}

const KINDS: [Kind; 8] =
    [Kind::Signal, Kind::Chat, Kind::Bus, Kind::Bytes, Kind::LatestBus, Kind::LatestBytes, Kind::Once, Kind::Offer];

impl Kind {
    pub fn bus(latest: bool) -> Self {
        if latest { Self::LatestBus } else { Self::Bus }
    }

    pub fn bytes(latest: bool) -> Self {
        if latest { Self::LatestBytes } else { Self::Bytes }
    }

    pub fn is_latest(self) -> bool {
        matches!(self, Self::LatestBus | Self::LatestBytes)
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub room: String,
    pub kind: Kind,
    /// The sender's epoch.
    pub epoch: u32,
    /// The addressee's epoch as the sender knows it; 0 to all.
    pub to_epoch: u32,
    /// Counted from 1 within the strand and both epochs.
    pub number: u32,
}

impl Note {
    pub fn write(&self) -> String {
        format!("{} {:?} {} {} {}", self.room, self.kind, self.epoch, self.to_epoch, self.number)
    }

    /// Reads what [`Note::write`] wrote; whatever follows a line break is ballast.
    pub fn read(text: &str) -> Self {
        let words: Vec<_> = text.lines().next().unwrap_or("").split(' ').collect();
        let [room, kind, epoch, to_epoch, number] = words[..] else { panic!("not a note: {text}") };
        let kind = KINDS.into_iter().find(|known| format!("{known:?}") == kind).expect("a kind");
        let number_of = |word: &str| word.parse().expect("a number");
        Self { room: room.into(), kind, epoch: number_of(epoch), to_epoch: number_of(to_epoch), number: number_of(number) }
    }
}
