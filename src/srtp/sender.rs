//! Owns the protection of what leaves: RTP under the caller's index, RTCP under an index of its own.

use super::cipher::{Cipher, RTCP_HEADER_LEN};
use super::{MasterKey, Profile, SrtpError, kdf};

/// Protects packets under one master key, of which it is the only owner. See the module for what its caller must hold.
pub struct Sender {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    /// One count for all SSRCs: each must only rise, and no nonce may come twice.
    rtcp_index: u32,
    #[cfg(debug_assertions)]
    recent: recent::Recent,
}

impl Sender {
    /// Derives the session keys.
    pub fn new(profile: Profile, master: MasterKey) -> Self {
        Self {
            profile,
            rtp: Cipher::new(profile, &master, kdf::RTP),
            rtcp: Cipher::new(profile, &master, kdf::RTCP),
            rtcp_index: 0,
            #[cfg(debug_assertions)]
            recent: recent::Recent::default(),
        }
    }

    /// How it protects.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Protects the RTP packet `packet[..len]`, whose first `header_len` bytes are the header with CSRCs and extensions, and
    /// gives its new length. `roc` is how often the sent sequence number of this SSRC has wrapped.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Malformed`] when `header_len` lies outside `12..=len`, or `packet` has no room for [`Profile::rtp_overhead`].
    pub fn protect_rtp(&mut self, packet: &mut [u8], header_len: usize, len: usize, roc: u32) -> Result<usize, SrtpError> {
        let has_room = len.checked_add(self.profile.rtp_overhead()).is_some_and(|sealed_len| sealed_len <= packet.len());
        let is_whole = has_room && (12..=len).contains(&header_len);
        let fixed = packet.first_chunk::<12>().filter(|_| is_whole).ok_or(SrtpError::Malformed)?;
        let sequence = u16::from_be_bytes([fixed[2], fixed[3]]);
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        let index = u64::from(roc) << 16 | u64::from(sequence);
        #[cfg(debug_assertions)]
        self.recent.note(ssrc, index, &packet[..len]);
        self.rtp.seal_rtp(packet, header_len, len, ssrc, index)
    }

    /// Protects the compound RTCP packet `packet[..len]` and gives its new length.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Malformed`] below 8 bytes or without room for [`Profile::rtcp_overhead`]; [`SrtpError::Exhausted`] after 2^31
    /// packets.
    pub fn protect_rtcp(&mut self, packet: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(packet.get(..len).ok_or(SrtpError::Malformed)?).ok_or(SrtpError::Malformed)?;
        let index = Some(self.rtcp_index + 1).filter(|index| index >> 31 == 0).ok_or(SrtpError::Exhausted)?;
        self.rtcp_index = index;
        self.rtcp.seal_rtcp(packet, len, ssrc, index)
    }
}

/// The sender's SSRC of an RTCP packet.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    packet.first_chunk::<RTCP_HEADER_LEN>().map(|head| u32::from_be_bytes([head[4], head[5], head[6], head[7]]))
}

#[cfg(debug_assertions)]
mod recent {
    use std::hash::{BuildHasher, Hasher};

    use rustc_hash::FxBuildHasher;

    const PLACES: usize = 256;

    /// The last packet at each of a few places, chosen by SSRC and index.
    #[derive(Default)]
    pub struct Recent(Vec<(u32, u64, u64)>);

    impl Recent {
        /// # Panics
        ///
        /// When the same pair was there before with other content.
        pub fn note(&mut self, ssrc: u32, index: u64, packet: &[u8]) {
            let mut hasher = FxBuildHasher.build_hasher();
            hasher.write(packet);
            // Never 0, which marks a free place.
            let content = hasher.finish() | 1;
            self.0.resize(PLACES, (0, 0, 0));
            let place = (index as usize ^ (ssrc.wrapping_mul(0x9e37_79b9) >> 24) as usize) % PLACES;
            let (old_ssrc, old_index, old_content) = self.0[place];
            let is_reused = (old_ssrc, old_index) == (ssrc, index) && old_content != 0 && old_content != content;
            assert!(!is_reused, "SSRC {ssrc:#x} protects two packets under index {index}");
            self.0[place] = (ssrc, index, content);
        }
    }
}
