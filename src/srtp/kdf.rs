//! Owns how session keys come from a master key (RFC 3711 section 4.3, with a key derivation rate of 0).

use aes::Aes128Enc;
use aes::cipher::{BlockEncrypt, KeyInit};

use super::MasterKey;

/// What a session key is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Labels {
    pub encryption: u8,
    pub authentication: u8,
    pub salt: u8,
}

pub(super) const RTP: Labels = Labels { encryption: 0, authentication: 1, salt: 2 };
pub(super) const RTCP: Labels = Labels { encryption: 3, authentication: 4, salt: 5 };

/// Derives `N` bytes for one label. A salt of 96 bits stands at the front, as RFC 7714 section 11 has it.
pub(super) fn derive<const N: usize>(master: &MasterKey, label: u8) -> [u8; N] {
    let cipher = Aes128Enc::new(&master.key.into());
    let mut x = [0; 16];
    x[..14].copy_from_slice(&master.salt);
    x[7] ^= label;
    let mut derived = [0; N];
    for (counter, chunk) in (0u16..).zip(derived.chunks_mut(16)) {
        let mut block = x;
        block[14..].copy_from_slice(&counter.to_be_bytes());
        cipher.encrypt_block((&mut block).into());
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    derived
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::super::tests::hex;
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn the_derived_keys_are_those_of_the_rfc() {
        let (key, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
        let master = MasterKey::new(Profile::Aes128CmHmacSha1_80, &key, &salt).expect("lengths fit");
        assert_eq!(derive::<16>(&master, RTP.encryption).to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derive::<14>(&master, RTP.salt).to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let authentication = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF722709\
                              86371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2DC68";
        assert_eq!(derive::<94>(&master, RTP.authentication).to_vec(), hex(authentication)[..94]);
    }
}
