//! Owns the two transforms: one packet and its index in, the same packet protected or opened in place.

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use super::kdf::{Labels, derive};
use super::{MasterKey, Profile, SrtpError};

/// Bytes of an RTCP header with the sender's SSRC, which stay readable.
pub(super) const RTCP_HEADER_LEN: usize = 8;

/// Bytes of the word after an RTCP packet: whether it is encrypted, and its index.
pub(super) const RTCP_WORD_LEN: usize = 4;

/// The bit of that word that says encrypted.
const ENCRYPTED: u32 = 1 << 31;

const CM_TAG_LEN: usize = 10;
const GCM_TAG_LEN: usize = 16;

/// The session keys of one direction, for either RTP or RTCP.
pub(super) enum Cipher {
    Gcm { key: Box<LessSafeKey>, salt: [u8; 12] },
    Cm { key: Box<Aes128Enc>, mac: Box<Hmac<Sha1>>, salt: [u8; 14] },
}

impl Cipher {
    pub fn new(profile: Profile, master: &MasterKey, labels: Labels) -> Self {
        match profile {
            Profile::AeadAes128Gcm => Self::gcm(derive(master, labels.encryption), derive(master, labels.salt)),
            Profile::Aes128CmHmacSha1_80 => {
                let authentication = derive::<20>(master, labels.authentication);
                Self::cm(derive(master, labels.encryption), derive(master, labels.salt), &authentication)
            }
        }
    }

    pub(super) fn gcm(key: [u8; 16], salt: [u8; 12]) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &key).expect("a key of 16 bytes");
        Self::Gcm { key: Box::new(LessSafeKey::new(key)), salt }
    }

    pub(super) fn cm(key: [u8; 16], salt: [u8; 14], authentication: &[u8]) -> Self {
        let mac = <Hmac<Sha1> as hmac::KeyInit>::new_from_slice(authentication).expect("HMAC takes any key");
        Self::Cm { key: Box::new(Aes128Enc::new(&key.into())), mac: Box::new(mac), salt }
    }

    /// Protects `packet[..len]` and gives its new length.
    pub fn seal_rtp(&self, packet: &mut [u8], header_len: usize, len: usize, ssrc: u32, index: u64) -> Result<usize, SrtpError> {
        let (clear, tag) = packet.split_at_mut_checked(len).ok_or(SrtpError::Malformed)?;
        let (header, payload) = clear.split_at_mut_checked(header_len).ok_or(SrtpError::Malformed)?;
        match self {
            Self::Gcm { key, salt } => {
                let tag = tag.get_mut(..GCM_TAG_LEN).ok_or(SrtpError::Malformed)?;
                seal_gcm(key, gcm_nonce(salt, ssrc, index), header, payload, tag)?;
                Ok(len + GCM_TAG_LEN)
            }
            Self::Cm { key, mac, salt } => {
                let tag = tag.get_mut(..CM_TAG_LEN).ok_or(SrtpError::Malformed)?;
                apply_key_stream(key, salt, ssrc, index, payload);
                let mac = Mac::chain_update(Hmac::clone(mac), &*clear).chain_update(roc(index).to_be_bytes());
                tag.copy_from_slice(&mac.finalize().into_bytes()[..CM_TAG_LEN]);
                Ok(len + CM_TAG_LEN)
            }
        }
    }

    /// Opens `packet` and gives its length without the tag. After an error its payload is of no use.
    pub fn open_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm { key, salt } => {
                let (header, sealed) = packet.split_at_mut_checked(header_len).ok_or(SrtpError::Malformed)?;
                let len = open_gcm(key, gcm_nonce(salt, ssrc, index), header, sealed)?;
                Ok(header_len + len)
            }
            Self::Cm { key, mac, salt } => {
                let len = packet.len().checked_sub(CM_TAG_LEN).filter(|len| *len >= header_len).ok_or(SrtpError::Malformed)?;
                let (clear, tag) = packet.split_at_mut(len);
                let mac = Mac::chain_update(Hmac::clone(mac), &*clear).chain_update(roc(index).to_be_bytes());
                mac.verify_truncated_left(tag).map_err(|_| SrtpError::Unauthentic)?;
                apply_key_stream(key, salt, ssrc, index, &mut clear[header_len..]);
                Ok(len)
            }
        }
    }

    /// Protects `packet[..len]`, encrypted, and gives its new length. `index` has 31 bits.
    pub fn seal_rtcp(&self, packet: &mut [u8], len: usize, ssrc: u32, index: u32) -> Result<usize, SrtpError> {
        let (clear, rest) = packet.split_at_mut_checked(len).ok_or(SrtpError::Malformed)?;
        let (header, payload) = clear.split_at_mut_checked(RTCP_HEADER_LEN).ok_or(SrtpError::Malformed)?;
        let word = (ENCRYPTED | index).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let rest = rest.get_mut(..GCM_TAG_LEN + RTCP_WORD_LEN).ok_or(SrtpError::Malformed)?;
                let (tag, end) = rest.split_at_mut(GCM_TAG_LEN);
                let nonce = gcm_nonce(salt, ssrc, index.into());
                seal_gcm(key, nonce, &rtcp_aad(header, word), payload, tag)?;
                end.copy_from_slice(&word);
                Ok(len + GCM_TAG_LEN + RTCP_WORD_LEN)
            }
            Self::Cm { key, mac, salt } => {
                let rest = rest.get_mut(..RTCP_WORD_LEN + CM_TAG_LEN).ok_or(SrtpError::Malformed)?;
                let (end, tag) = rest.split_at_mut(RTCP_WORD_LEN);
                end.copy_from_slice(&word);
                apply_key_stream(key, salt, ssrc, index.into(), payload);
                let mac = Mac::chain_update(Hmac::clone(mac), &*clear).chain_update(word);
                tag.copy_from_slice(&mac.finalize().into_bytes()[..CM_TAG_LEN]);
                Ok(len + RTCP_WORD_LEN + CM_TAG_LEN)
            }
        }
    }

    /// Opens `packet` and gives its length without what was appended.
    pub fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Result<usize, SrtpError> {
        let word = (ENCRYPTED | index).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let sealed_len = packet.len().checked_sub(RTCP_WORD_LEN).ok_or(SrtpError::Malformed)?;
                let sealed = packet.get_mut(..sealed_len).ok_or(SrtpError::Malformed)?;
                let (header, sealed) = sealed.split_at_mut_checked(RTCP_HEADER_LEN).ok_or(SrtpError::Malformed)?;
                let len = open_gcm(key, gcm_nonce(salt, ssrc, index.into()), &rtcp_aad(header, word), sealed)?;
                Ok(RTCP_HEADER_LEN + len)
            }
            Self::Cm { key, mac, salt } => {
                let len = packet.len().checked_sub(RTCP_WORD_LEN + CM_TAG_LEN).filter(|len| *len >= RTCP_HEADER_LEN);
                let len = len.ok_or(SrtpError::Malformed)?;
                let (signed, tag) = packet.split_at_mut(len + RTCP_WORD_LEN);
                Mac::chain_update(Hmac::clone(mac), &*signed).verify_truncated_left(tag).map_err(|_| SrtpError::Unauthentic)?;
                apply_key_stream(key, salt, ssrc, index.into(), &mut signed[RTCP_HEADER_LEN..len]);
                Ok(len)
            }
        }
    }

    /// The index of a protected RTCP packet, which nobody has authenticated yet. None when it is too short, or not encrypted:
    /// with DTLS-SRTP it always is.
    pub fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let tag_len = match self {
            Self::Gcm { .. } => 0,
            Self::Cm { .. } => CM_TAG_LEN,
        };
        let (_, word) = packet.get(..packet.len().checked_sub(tag_len)?)?.split_last_chunk::<RTCP_WORD_LEN>()?;
        let word = u32::from_be_bytes(*word);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }
}

fn roc(index: u64) -> u32 {
    (index >> 16) as u32
}

fn rtcp_aad(header: &[u8], word: [u8; RTCP_WORD_LEN]) -> [u8; RTCP_HEADER_LEN + RTCP_WORD_LEN] {
    let mut aad = [0; RTCP_HEADER_LEN + RTCP_WORD_LEN];
    aad[..RTCP_HEADER_LEN].copy_from_slice(header);
    aad[RTCP_HEADER_LEN..].copy_from_slice(&word);
    aad
}

/// RFC 7714 sections 8.1 and 9.1: an index of RTCP has 31 bits and leaves the upper ones zero, so that one layout does for both.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
    Nonce::assume_unique_for_key(nonce)
}

fn seal_gcm(key: &LessSafeKey, nonce: Nonce, aad: &[u8], payload: &mut [u8], tag: &mut [u8]) -> Result<(), SrtpError> {
    let made = key.seal_in_place_separate_tag(nonce, Aad::from(aad), payload).map_err(|_| SrtpError::Malformed)?;
    tag.copy_from_slice(made.as_ref());
    Ok(())
}

fn open_gcm(key: &LessSafeKey, nonce: Nonce, aad: &[u8], sealed: &mut [u8]) -> Result<usize, SrtpError> {
    if sealed.len() < GCM_TAG_LEN {
        return Err(SrtpError::Malformed);
    }
    key.open_in_place(nonce, Aad::from(aad), sealed).map(|clear| clear.len()).map_err(|_| SrtpError::Unauthentic)
}

/// RFC 3711 section 4.1.1.
fn apply_key_stream(key: &Aes128Enc, salt: &[u8; 14], ssrc: u32, index: u64, bytes: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(salt);
    xor(&mut counter[4..8], &ssrc.to_be_bytes());
    xor(&mut counter[8..14], &index.to_be_bytes()[2..]);
    let core = ctr::CtrCore::<&Aes128Enc, ctr::flavors::Ctr128BE>::inner_iv_init(key, &counter.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(bytes);
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::hex;
    use super::*;

    fn array<const N: usize>(text: &str) -> [u8; N] {
        hex(text).try_into().expect("its length")
    }

    /// RFC 3711 appendix B.2.
    #[test]
    fn the_key_stream_is_that_of_the_rfc() {
        let (key, salt) = (array("2B7E151628AED2A6ABF7158809CF4F3C"), array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
        let mut stream = vec![0; 0xff02 * 16];
        apply_key_stream(&Aes128Enc::new(&key.into()), &salt, 0, 0, &mut stream);
        assert_eq!(
            stream[..48],
            hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0")
        );
        let late = hex("EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44");
        assert_eq!(stream[0xfeff * 16..0xff02 * 16], late);
    }

    fn gcm_of_the_rfc() -> Cipher {
        Cipher::gcm(array("000102030405060708090a0b0c0d0e0f"), array("517569642070726f2071756f"))
    }

    /// RFC 7714 section 16.1.1.
    #[test]
    fn gcm_protects_rtp_as_in_the_rfc() {
        let clear = hex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
        let sealed = hex(
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
        );
        let (cipher, ssrc, index) = (gcm_of_the_rfc(), 0x5501_a0b2, 0xf17b);
        let mut packet = clear.clone();
        packet.resize(clear.len() + 16, 0);
        assert_eq!(cipher.seal_rtp(&mut packet, 12, clear.len(), ssrc, index), Ok(sealed.len()));
        assert_eq!(packet, sealed);
        assert_eq!(cipher.open_rtp(&mut packet, 12, ssrc, index), Ok(clear.len()));
        assert_eq!(packet[..clear.len()], clear);
    }

    /// RFC 7714 section 17.1.
    #[test]
    fn gcm_protects_rtcp_as_in_the_rfc() {
        let clear =
            hex("81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef");
        let sealed = hex(
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
        );
        let (cipher, ssrc, index) = (gcm_of_the_rfc(), 0x4d61_7273, 0x5d4);
        let mut packet = clear.clone();
        packet.resize(clear.len() + 20, 0);
        assert_eq!(cipher.seal_rtcp(&mut packet, clear.len(), ssrc, index), Ok(sealed.len()));
        assert_eq!(packet, sealed);
        assert_eq!(cipher.rtcp_index(&packet), Some(index));
        assert_eq!(cipher.open_rtcp(&mut packet, ssrc, index), Ok(clear.len()));
        assert_eq!(packet[..clear.len()], clear);
    }
}
