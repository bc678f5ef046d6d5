//! Owns the names by which things are known: rooms, participants, connections, topics.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{DISPLAY_NAME_CHARS_MAX, ROOM_NAME_CHARS_MAX, TOPIC_BYTES_MAX};

/// Why a name is refused, as a sentence for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A room name that is empty, too long, or has another character.
    #[error("A room name is 1 to {ROOM_NAME_CHARS_MAX} letters (a-z, A-Z), digits, '-', '_' or '.', and not only dots.")]
    Room,
    /// A display name that is empty, too long, or has control or direction characters.
    #[error("A name is 1 to {DISPLAY_NAME_CHARS_MAX} characters, without control or text direction characters.")]
    Display,
    /// A topic that is empty, too long, or has another character.
    #[error("A topic is 1 to {TOPIC_BYTES_MAX} letters (a-z, A-Z), digits, '-', '_', '.', ':' or '/'.")]
    Topic,
    /// A participant id that is not 16 lowercase hexadecimal digits, or is zero.
    #[error("A participant id is 16 lowercase hexadecimal digits, not all zero.")]
    Participant,
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The name of a room: 1 to 64 ASCII letters, digits, `-`, `_`, `.`, and not only dots (a URL path would swallow those).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = (1..=ROOM_NAME_CHARS_MAX).contains(&text.len()) && text.chars().all(is_plain);
        if fits && text.contains(|c| c != '.') { Ok(Self(text.into())) } else { Err(NameError::Room) }
    }
}

/// What a participant is called by the others: 1 to 64 characters after trimming.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let count = text.chars().take(DISPLAY_NAME_CHARS_MAX + 1).count();
        // Direction overrides let a name rewrite the text around it.
        let harmful =
            |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (1..=DISPLAY_NAME_CHARS_MAX).contains(&count) && !text.contains(harmful) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Display)
        }
    }
}

/// The topic of a bus message: 1 to 64 bytes of ASCII letters, digits, `-`, `_`, `.`, `:`, `/`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = (1..=TOPIC_BYTES_MAX).contains(&text.len()) && text.chars().all(|c| is_plain(c) || c == ':' || c == '/');
        if fits { Ok(Self(text.into())) } else { Err(NameError::Topic) }
    }
}

/// One participant of a room: 64 random bits, never zero; on the wire 16 lowercase hexadecimal digits.
///
/// It stays the same over a resume and over a handover to another device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(u64);

impl ParticipantId {
    /// The id with this number, none for zero.
    pub fn new(number: u64) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// The number, as it stands in binary frames.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl ParticipantId {
    /// The digits without the machinery of formatting: they stand in every signal.
    fn with_text<T>(self, write: impl FnOnce(&str) -> T) -> T {
        let digit = |at: usize| b"0123456789abcdef"[(self.0 >> (60 - 4 * at)) as usize & 0xf];
        let digits: [u8; 16] = std::array::from_fn(digit);
        write(std::str::from_utf8(&digits).expect("digits are ASCII"))
    }
}

impl FromStr for ParticipantId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits: &[u8; 16] = text.as_bytes().try_into().map_err(|_| NameError::Participant)?;
        let number = digits.iter().try_fold(0, |number: u64, digit| match digit {
            b'0'..=b'9' => Some(number << 4 | u64::from(digit - b'0')),
            b'a'..=b'f' => Some(number << 4 | u64::from(digit - b'a' + 10)),
            _ => None,
        });
        number.and_then(Self::new).ok_or(NameError::Participant)
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A map by ids that the server has chosen itself, so that no client can make their hashes collide: one multiplication instead of a
/// keyed hash, for maps that every frame is looked up in several times.
pub type IdMap<K, V> = std::collections::HashMap<K, V, std::hash::BuildHasherDefault<IdHasher>>;

/// The hasher of an [`IdMap`].
#[derive(Debug, Default, Clone, Copy)]
pub struct IdHasher(u64);

impl std::hash::Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio spreads even numbers in a row over all bits; the table takes its slot from the low ones.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// One WebSocket, numbered by the shell in the order of arrival; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

macro_rules! text_on_the_wire {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
        impl $name {
            fn with_text<T>(&self, write: impl FnOnce(&str) -> T) -> T {
                write(&self.0)
            }
        }
    )*};
}
text_on_the_wire!(RoomName, DisplayName, Topic);

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_text(|text| serializer.serialize_str(text))
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}
serde_as_text!(RoomName, DisplayName, Topic, ParticipantId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_names_are_plain_and_bounded() {
        for good in ["a", "Team-1", "x_y.z", "..a", &"r".repeat(64)] {
            assert!(good.parse::<RoomName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "é", "房间", "a\n", &"r".repeat(65)] {
            assert_eq!(bad.parse::<RoomName>(), Err(NameError::Room), "{bad:?}");
        }
    }

    #[test]
    fn display_names_are_trimmed_and_keep_no_control_or_direction_characters() {
        assert_eq!(" 李雷 ".parse::<DisplayName>().map(|n| n.as_str().to_owned()), Ok("李雷".into()));
        for bad in ["", "  ", "a\u{7}b", "a\u{202e}b", &"n".repeat(65)] {
            assert_eq!(bad.parse::<DisplayName>(), Err(NameError::Display), "{bad:?}");
        }
    }

    #[test]
    fn participant_ids_are_sixteen_lowercase_hexadecimal_digits() {
        let id: ParticipantId = "00000000000000ff".parse().expect("well-formed");
        assert_eq!((id.number(), id.to_string().as_str()), (255, "00000000000000ff"));
        for bad in ["", "ff", "00000000000000FF", "0000000000000000", "+0000000000000ff"] {
            assert_eq!(bad.parse::<ParticipantId>(), Err(NameError::Participant), "{bad:?}");
        }
    }
}
