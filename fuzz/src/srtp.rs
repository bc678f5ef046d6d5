//! Owns the target for protected packets: the first byte chooses the profile and RTP or RTCP.

use visavis::srtp::{MasterKey, Profile, Receiver, SrtpError};

/// The receiver that the corpus was protected for.
pub fn receiver(profile: Profile) -> Receiver {
    let key = MasterKey::new(profile, &[0x5a; 16], &[0xa5; 14][..profile.salt_len()]).expect("lengths fit");
    Receiver::new(profile, key)
}

/// Opens the packet twice: no panic, and what is authentic is so once.
pub fn run(data: &[u8]) {
    let Some((choice, packet)) = data.split_first() else { return };
    let profile = if choice & 1 == 0 { Profile::AeadAes128Gcm } else { Profile::Aes128CmHmacSha1_80 };
    let mut receiver = receiver(profile);
    let (mut first, mut again) = (packet.to_vec(), packet.to_vec());
    if choice & 2 == 0 {
        if let Ok(opened) = receiver.unprotect_rtp(&mut first) {
            assert_eq!(opened.len + profile.rtp_overhead(), packet.len());
            assert!(opened.header_len <= opened.len);
            assert_eq!(receiver.unprotect_rtp(&mut again), Err(SrtpError::Replayed));
        }
    } else if let Ok(len) = receiver.unprotect_rtcp(&mut first) {
        assert_eq!(len + profile.rtcp_overhead(), packet.len());
        assert_eq!(receiver.unprotect_rtcp(&mut again), Err(SrtpError::Replayed));
    }
}
