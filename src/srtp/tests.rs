//! Both directions together, and against another implementation.

use proptest::prelude::*;
use rtc_crypto::RTCCryptoProvider;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;
use crate::limits::SRTP_SOURCES_MAX;

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80];

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).expect("a digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn master(profile: Profile) -> MasterKey {
    MasterKey::new(profile, &[0x5a; 16], &[0xa5; 14][..profile.salt_len()]).expect("lengths fit")
}

fn pair(profile: Profile) -> (Sender, Receiver) {
    (Sender::new(profile, master(profile)), Receiver::new(profile, master(profile)))
}

fn other(profile: Profile) -> Context {
    let theirs = match profile {
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    let provider = rtc_crypto::providers::RingProvider::new();
    Context::new(&[0x5a; 16], &[0xa5; 14][..profile.salt_len()], theirs, None, None, provider.crypto()).expect("a context")
}

/// An RTP packet with CSRCs, with an extension block of `extension` words, and a payload.
fn rtp(ssrc: u32, sequence: u16, csrcs: u8, extension: Option<u16>, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut packet = vec![0x80 | csrcs | u8::from(extension.is_some()) << 4, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend(7u32.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..4 * csrcs).map(|byte| byte ^ 0x33));
    if let Some(words) = extension {
        packet.extend([0xbe, 0xde]);
        packet.extend(words.to_be_bytes());
        // Elements of one byte each, so that the other implementation can parse them.
        packet.extend((0..2 * words).flat_map(|_| [0x10, 0xaa]));
    }
    let header_len = packet.len();
    packet.extend(payload);
    (packet, header_len)
}

fn protected(sender: &mut Sender, clear: &[u8], header_len: usize, roc: u32) -> Vec<u8> {
    let mut packet = clear.to_vec();
    packet.resize(clear.len() + RTP_OVERHEAD_MAX, 0);
    let len = sender.protect_rtp(&mut packet, header_len, clear.len(), roc).expect("room");
    packet.truncate(len);
    packet
}

fn protected_rtcp(sender: &mut Sender, clear: &[u8]) -> Vec<u8> {
    let mut packet = clear.to_vec();
    packet.resize(clear.len() + RTCP_OVERHEAD_MAX, 0);
    let len = sender.protect_rtcp(&mut packet, clear.len()).expect("room");
    packet.truncate(len);
    packet
}

#[test]
fn a_packet_is_opened_once() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let (clear, header_len) = rtp(9, 65_535, 1, Some(2), b"payload");
        let mut first = protected(&mut sender, &clear, header_len, 0);
        assert_eq!(first.len(), clear.len() + profile.rtp_overhead());
        let mut again = first.clone();
        let opened = receiver.unprotect_rtp(&mut first).expect("authentic");
        assert_eq!(opened, Unprotected { len: clear.len(), header_len, index: 65_535 });
        assert_eq!(first[..opened.len], clear);
        assert_eq!(receiver.unprotect_rtp(&mut again), Err(SrtpError::Replayed));

        let (clear, header_len) = rtp(9, 0, 0, None, b"after the wrap");
        let mut next = protected(&mut sender, &clear, header_len, 1);
        assert_eq!(receiver.unprotect_rtp(&mut next).map(|opened| opened.index), Ok(0x1_0000));

        let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
        let mut first = protected_rtcp(&mut sender, &report);
        assert_eq!(first.len(), report.len() + profile.rtcp_overhead());
        let mut again = first.clone();
        assert_eq!(receiver.unprotect_rtcp(&mut first), Ok(report.len()));
        assert_eq!(first[..report.len()], report);
        assert_eq!(receiver.unprotect_rtcp(&mut again), Err(SrtpError::Replayed));
    }
}

#[test]
fn any_changed_bit_is_noticed_and_leaves_no_trace() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let (clear, header_len) = rtp(9, 1, 0, Some(1), b"payload");
        let packet = protected(&mut sender, &clear, header_len, 0);
        let report = protected_rtcp(&mut sender, &[0x80, 201, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4]);
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.unprotect_rtp(&mut forged).is_err(), "bit {bit}");
        }
        for bit in 0..report.len() * 8 {
            let mut forged = report.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.unprotect_rtcp(&mut forged).is_err(), "bit {bit}");
        }
        assert!(receiver.unprotect_rtp(&mut packet.clone()).is_ok(), "the true one is still new");
        assert!(receiver.unprotect_rtcp(&mut report.clone()).is_ok());
    }
}

#[test]
fn sources_are_bounded_and_known_ones_go_on() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let mut send = |receiver: &mut Receiver, ssrc: u32, sequence: u16| {
        let (clear, header_len) = rtp(ssrc, sequence, 0, None, b"x");
        receiver.unprotect_rtp(&mut protected(&mut sender, &clear, header_len, 0)).map(|opened| opened.index)
    };
    for ssrc in 0..SRTP_SOURCES_MAX as u32 {
        assert_eq!(send(&mut receiver, ssrc, 1), Ok(1));
    }
    assert_eq!(send(&mut receiver, u32::MAX, 1), Err(SrtpError::TooManySources));
    assert_eq!(send(&mut receiver, 3, 2), Ok(2));
}

#[test]
fn a_sender_has_no_room_for_what_does_not_fit() {
    for profile in PROFILES {
        let (mut sender, _) = pair(profile);
        let (clear, header_len) = rtp(9, 1, 0, None, b"payload");
        let mut tight = clear.clone();
        tight.resize(clear.len() + profile.rtp_overhead() - 1, 0);
        assert_eq!(sender.protect_rtp(&mut tight, header_len, clear.len(), 0), Err(SrtpError::Malformed));
        assert_eq!(sender.protect_rtp(&mut tight, 11, clear.len(), 0), Err(SrtpError::Malformed));
        assert_eq!(sender.protect_rtp(&mut tight, clear.len() + 1, clear.len(), 0), Err(SrtpError::Malformed));
        assert_eq!(sender.protect_rtp(&mut tight, 12, 1000, 0), Err(SrtpError::Malformed));
        assert_eq!(sender.protect_rtcp(&mut [0x80, 201, 0, 1, 0, 0, 0, 9], 8), Err(SrtpError::Malformed));
        assert_eq!(sender.protect_rtcp(&mut [0; 64], 7), Err(SrtpError::Malformed));
    }
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "protects two packets under index 70")]
fn a_nonce_used_twice_is_noticed() {
    let (mut sender, _) = pair(Profile::AeadAes128Gcm);
    let (clear, header_len) = rtp(9, 70, 0, None, b"payload");
    protected(&mut sender, &clear, header_len, 0);
    // The same again is the same packet, and reveals nothing.
    protected(&mut sender, &clear, header_len, 0);
    let (changed, header_len) = rtp(9, 70, 0, None, b"Payload");
    protected(&mut sender, &changed, header_len, 0);
}

proptest! {
    #[test]
    fn the_other_implementation_opens_what_we_protect_and_the_reverse(
        gcm: bool, ssrc: u32, start in 0u16..0x8000, count in 1u16..40, csrcs in 0u8..4,
        extension in proptest::option::of(0u16..5), payload in proptest::collection::vec(any::<u8>(), 1..1200),
    ) {
        let profile = PROFILES[usize::from(gcm)];
        let (mut sender, mut receiver) = pair(profile);
        let (mut their_sender, mut their_receiver) = (other(profile), other(profile));
        for step in 0..u32::from(count) {
            // In strides that wrap the sequence number more than once.
            let index = u32::from(start) + step * 9000;
            let (clear, header_len) = rtp(ssrc, index as u16, csrcs, extension, &payload);
            let ours = protected(&mut sender, &clear, header_len, index >> 16);
            let mut theirs = their_sender.encrypt_rtp(&clear).expect("encrypts").to_vec();
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(&their_receiver.decrypt_rtp(&ours).expect("decrypts")[..], &clear[..]);
            let opened = receiver.unprotect_rtp(&mut theirs).expect("opens");
            prop_assert_eq!(opened.index, u64::from(index));
            prop_assert_eq!(&theirs[..opened.len], &clear[..]);
        }
        let mut report = vec![0x80, 201];
        report.extend((payload.len() as u16 / 4 + 1).to_be_bytes());
        report.extend(ssrc.to_be_bytes());
        report.extend(&payload[..payload.len() / 4 * 4]);
        let ours = protected_rtcp(&mut sender, &report);
        prop_assert_eq!(&their_receiver.decrypt_rtcp(&ours).expect("decrypts")[..], &report[..]);
        let mut theirs = their_sender.encrypt_rtcp(&report).expect("encrypts").to_vec();
        let len = receiver.unprotect_rtcp(&mut theirs).expect("opens");
        prop_assert_eq!(&theirs[..len], &report[..]);
    }

    #[test]
    fn nothing_that_arrives_panics(gcm: bool, first: u8, mut packet in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (_, mut receiver) = pair(PROFILES[usize::from(gcm)]);
        if let Some(byte) = packet.first_mut() {
            *byte = first;
        }
        prop_assert!(receiver.unprotect_rtp(&mut packet.clone()).is_err());
        prop_assert!(receiver.unprotect_rtcp(&mut packet).is_err());
    }
}
