//! Owns what the SCTP library must not be given: packets that would make it panic, or work or grow without an end.

/// Ports, tag and checksum (RFC 9260 section 3.1).
const COMMON_HEADER_LEN: usize = 12;

const DATA: u8 = 0;
const INIT: u8 = 1;
const ABORT: u8 = 6;
const ERROR: u8 = 9;
const RE_CONFIG: u8 = 130;
const FORWARD_TSN: u8 = 192;

/// Sequence numbers that a packet may be ahead of all before it. The library counts up to what a FORWARD-TSN names, one by one;
/// an honest sender is ahead by what its window holds.
const AHEAD_MAX: u32 = 8192;

/// Chunks that reset streams, over the life of an association: the library keeps those that it cannot answer yet.
const RE_CONFIGS_MAX: u32 = 1024;

/// What has passed of one association.
#[derive(Default)]
pub(super) struct Gate {
    newest_tsn: u32,
    re_configs: u32,
}

impl Gate {
    /// For the association that begins with this packet.
    pub fn new(packet: &[u8]) -> Self {
        let initial_tsn = first_chunk(packet).filter(|chunk| chunk[0] == INIT).and_then(|chunk| number(chunk, 16));
        Self { newest_tsn: initial_tsn.unwrap_or_default().wrapping_sub(1), re_configs: 0 }
    }

    /// Whether the library may have this packet.
    pub fn admit(&mut self, packet: &[u8]) -> bool {
        let mut rest = packet.get(COMMON_HEADER_LEN..).unwrap_or_default();
        while let Some(chunk) = counted(rest) {
            let is_good = match chunk[0] {
                DATA | FORWARD_TSN => self.is_near(chunk),
                ABORT | ERROR => has_whole_causes(chunk),
                RE_CONFIG => {
                    self.re_configs = self.re_configs.saturating_add(1);
                    self.re_configs <= RE_CONFIGS_MAX
                }
                _ => true,
            };
            if !is_good {
                return false;
            }
            rest = rest.get(chunk.len().next_multiple_of(4)..).unwrap_or_default();
        }
        true
    }

    fn is_near(&mut self, chunk: &[u8]) -> bool {
        let Some(tsn) = number(chunk, 4) else { return false };
        // By serial number arithmetic (RFC 1982): what is not ahead is an old one.
        match tsn.wrapping_sub(self.newest_tsn) {
            0x8000_0000.. => true,
            ahead if ahead <= AHEAD_MAX => {
                self.newest_tsn = tsn;
                true
            }
            _ => false,
        }
    }
}

/// The tag in an INIT, which is alone in its packet (RFC 9260 section 3.3.2).
pub(super) fn initiate_tag(packet: &[u8]) -> Option<u32> {
    first_chunk(packet).filter(|chunk| chunk[0] == INIT).and_then(|chunk| number(chunk, 4))
}

fn first_chunk(packet: &[u8]) -> Option<&[u8]> {
    counted(packet.get(COMMON_HEADER_LEN..)?)
}

/// Whether each cause lies within its chunk (RFC 9260 sections 3.3.7 and 3.3.10): the library believes their lengths.
fn has_whole_causes(chunk: &[u8]) -> bool {
    let mut causes = &chunk[4..];
    // What is shorter than a header is padding.
    while causes.len() >= 4 {
        let Some(cause) = counted(causes) else { return false };
        causes = &causes[cause.len()..];
    }
    true
}

/// What stands at the front, by the length in its third and fourth byte; at least those four bytes.
fn counted(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.first_chunk::<4>()?;
    bytes.get(..usize::from(u16::from_be_bytes([head[2], head[3]]))).filter(|counted| counted.len() >= 4)
}

fn number(chunk: &[u8], at: usize) -> Option<u32> {
    chunk.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(chunks: &[&[u8]]) -> Vec<u8> {
        [&[0; COMMON_HEADER_LEN][..], &chunks.concat()].concat()
    }

    fn with_tsn(kind: u8, tsn: u32) -> Vec<u8> {
        packet(&[&[kind, 3, 0, 8], &tsn.to_be_bytes()])
    }

    #[test]
    fn sequence_numbers_do_not_leap() {
        let init = packet(&[&[1, 0, 0, 20, 0, 0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 1], &5u32.to_be_bytes()]);
        assert_eq!(initiate_tag(&init), Some(7));
        let mut gate = Gate::new(&init);
        assert!(gate.admit(&with_tsn(DATA, 5)));
        assert!(gate.admit(&with_tsn(FORWARD_TSN, 5 + AHEAD_MAX)));
        assert!(gate.admit(&with_tsn(DATA, 4)), "old ones are harmless");
        assert!(!gate.admit(&with_tsn(FORWARD_TSN, 6 + 2 * AHEAD_MAX)));
        assert!(!gate.admit(&with_tsn(DATA, 0x7fff_0000)));
        assert!(gate.admit(&with_tsn(DATA, 5 + 2 * AHEAD_MAX)));
        assert!(!gate.admit(&packet(&[&[FORWARD_TSN, 0, 0, 4]])), "without a number");
    }

    #[test]
    fn causes_lie_within_their_chunk_and_resets_have_an_end() {
        let mut gate = Gate::default();
        assert!(gate.admit(&packet(&[&[ABORT, 0, 0, 8, 0, 12, 0, 4], &[ERROR, 0, 0, 4]])));
        assert!(!gate.admit(&packet(&[&[ABORT, 0, 0, 8, 0, 12, 0, 5]])));
        assert!(!gate.admit(&packet(&[&[3, 0, 0, 4], &[ERROR, 0, 0, 8, 0, 12, 0, 0]])));
        let reset = packet(&[&[RE_CONFIG, 0, 0, 4]]);
        assert_eq!((0..3000).filter(|_| gate.admit(&reset)).count(), RE_CONFIGS_MAX as usize);
    }
}
