//! Owns what the members of a room know about each other.

use serde::{Deserialize, Serialize};

use crate::id::{DisplayName, ParticipantId};

/// One member as the others see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Who it is.
    pub id: ParticipantId,
    /// What it is called.
    pub name: DisplayName,
    /// Counts the devices that have spoken for this participant, from 1. When it grows, the peer connections to the
    /// device before are gone: close them and wait for the new device's offer.
    pub epoch: u32,
    /// What it said it can do, e.g. [`super::CAPABILITY_WEBRTC`].
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// How it takes part at the moment.
    #[serde(default)]
    pub presence: Presence,
    /// Where it is, when it shares that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// How a member takes part at the moment. Everything is false when it just joins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Presence {
    /// It asks to speak.
    pub hand: bool,
    /// Its microphone is off or missing.
    pub muted: bool,
    /// Its camera is off or missing.
    pub camera_off: bool,
    /// It shares its screen.
    pub sharing: bool,
    /// The person is not at the device.
    pub away: bool,
}

/// A place on the WGS 84 ellipsoid, shaped as the browser's `GeolocationCoordinates`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Radius of the 95 % circle in metres, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Direction of travel in degrees clockwise from north, 0 to 360.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<f64>,
}

impl Position {
    /// Whether every number is within its range.
    pub fn is_valid(&self) -> bool {
        (-90.0..=90.0).contains(&self.latitude)
            && (-180.0..=180.0).contains(&self.longitude)
            && self.accuracy.is_none_or(|metres| (0.0..=1.0e8).contains(&metres))
            && self.heading.is_none_or(|degrees| (0.0..=360.0).contains(&degrees))
    }
}
