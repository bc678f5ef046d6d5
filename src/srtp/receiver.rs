//! Owns the opening of what arrives: authentic, once, and from a bounded number of sources.

use super::cipher::Cipher;
use super::replay::Window;
use super::sender::rtcp_ssrc;
use super::{MasterKey, Profile, SrtpError, kdf};
use crate::limits::SRTP_SOURCES_MAX;

/// An RTP packet that was opened in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unprotected {
    /// Bytes of header and payload at the front of the buffer.
    pub len: usize,
    /// Bytes of the header with CSRCs and extensions.
    pub header_len: usize,
    /// The 48-bit index: the sequence number, with the count of its wraps above.
    pub index: u64,
}

/// Opens packets under one master key. What it knows of a source begins with that source's first authentic packet.
pub struct Receiver {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl Receiver {
    /// Derives the session keys.
    pub fn new(profile: Profile, master: MasterKey) -> Self {
        Self {
            profile,
            rtp: Cipher::new(profile, &master, kdf::RTP),
            rtcp: Cipher::new(profile, &master, kdf::RTCP),
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        }
    }

    /// How packets are protected.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Opens an RTP packet. After an error the content of `packet` is of no use.
    ///
    /// # Errors
    ///
    /// Any [`SrtpError`] but [`SrtpError::Exhausted`]; nothing is remembered of the packet then.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<Unprotected, SrtpError> {
        let header_len = rtp_header_len(packet).ok_or(SrtpError::Malformed)?;
        let fixed = packet.first_chunk::<12>().ok_or(SrtpError::Malformed)?;
        let sequence = u16::from_be_bytes([fixed[2], fixed[3]]);
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        let place = self.rtp_sources.place(ssrc)?;
        // A first packet has not wrapped: browsers begin in the lower half of the range for this.
        let index = self.rtp_sources.window(place).map_or(u64::from(sequence), |window| window.estimate(sequence));
        self.rtp_sources.check(place, index)?;
        let len = self.rtp.open_rtp(packet, header_len, ssrc, index)?;
        self.rtp_sources.note(place, ssrc, index);
        Ok(Unprotected { len, header_len, index })
    }

    /// Opens a compound RTCP packet and gives its length. After an error the content of `packet` is of no use.
    ///
    /// # Errors
    ///
    /// Any [`SrtpError`] but [`SrtpError::Exhausted`]; [`SrtpError::Malformed`] also for one that is not encrypted.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(packet).ok_or(SrtpError::Malformed)?;
        let index = self.rtcp.rtcp_index(packet).ok_or(SrtpError::Malformed)?;
        let place = self.rtcp_sources.place(ssrc)?;
        self.rtcp_sources.check(place, index.into())?;
        let len = self.rtcp.open_rtcp(packet, ssrc, index)?;
        self.rtcp_sources.note(place, ssrc, index.into());
        Ok(len)
    }
}

/// What was received of each SSRC, in their order: a few dozen at most, so that a table would cost more than it finds.
#[derive(Default)]
struct Sources(Vec<(u32, Window)>);

/// Where a source stands, or would stand.
type Place = Result<usize, usize>;

impl Sources {
    fn place(&self, ssrc: u32) -> Result<Place, SrtpError> {
        match self.0.binary_search_by_key(&ssrc, |(known, _)| *known) {
            Err(_) if self.0.len() >= SRTP_SOURCES_MAX => Err(SrtpError::TooManySources),
            place => Ok(place),
        }
    }

    fn window(&self, place: Place) -> Option<&Window> {
        self.0.get(place.ok()?).map(|(_, window)| window)
    }

    fn check(&self, place: Place, index: u64) -> Result<(), SrtpError> {
        if self.window(place).is_none_or(|window| window.is_new(index)) { Ok(()) } else { Err(SrtpError::Replayed) }
    }

    fn note(&mut self, place: Place, ssrc: u32, index: u64) {
        match place {
            Ok(known) => self.0[known].1.note(index),
            Err(new) => self.0.insert(new, (ssrc, Window::new(index))),
        }
    }
}

/// Bytes of the header with CSRCs and extensions (RFC 3550 sections 5.1 and 5.3.1); none when it is not whole.
fn rtp_header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut len = 12 + 4 * usize::from(first & 0xf);
    if first & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (len <= packet.len()).then_some(len)
}
