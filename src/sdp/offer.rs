//! Owns a whole offer: its transport, and its sections in order.

use super::error::{OfferError, quoted};
use super::section::{Direction, Section, bound};
use super::text::{Attribute, Text};
use crate::limits::{ICE_NAME_BYTES_MAX, SDP_FINGERPRINTS_MAX};
use crate::rtp::{Extension, ExtensionIds};

/// What a browser offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Of its end of the one transport. Others than in the offer before are an ICE restart.
    pub ice: IceCredentials,
    /// The values of `a=fingerprint`, such as `sha-256 AB:CD:…`: its certificate has one of them.
    pub fingerprints: Vec<String>,
    /// The numbers of the header extensions in all sections: in a bundle a number has one meaning (RFC 8843 section 9.1).
    pub extensions: ExtensionIds,
    /// In the order of the offer, which is that of the answer.
    pub sections: Vec<Section>,
    /// Says at the session's level that both forms of header extensions may be mixed.
    pub(super) allows_mixed: bool,
}

/// `a=ice-ufrag` and `a=ice-pwd` of the browser.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// 4 to 256 characters.
    pub ufrag: String,
    /// 22 to 256 characters.
    pub pwd: String,
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

impl Offer {
    /// Reads an offer of at most [`crate::limits::SDP_BYTES_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// An [`OfferError`] for what is no session description, is over a bound of [`crate::limits`], or cannot be answered: without
    /// ICE credentials, fingerprint or `a=setup`, not all in one bundle, RTCP on a port of its own, numbers used twice.
    pub fn parse(text: &str) -> Result<Self, OfferError> {
        let text = Text::parse(text)?;
        let Some(first) = text.sections.first() else { return Err(OfferError::missing("has no media section")) };
        let direction = text.session.iter().find_map(|attribute| Direction::read(&attribute.key)).unwrap_or(Direction::SendRecv);
        let mut sections: Vec<Section> = Vec::with_capacity(text.sections.len());
        for media in &text.sections {
            let section = Section::read(media, direction)?;
            if sections.iter().any(|before| before.mid == section.mid) {
                return Err(OfferError::at(media.line, format!("has the mid {} of a section before", quoted(&section.mid))));
            }
            sections.push(section);
        }
        let transports: Vec<&[Attribute]> = std::iter::once(text.session.as_slice())
            .chain(
                text.sections
                    .iter()
                    .zip(&sections)
                    .filter(|(_, section)| !section.is_stopped)
                    .map(|(media, _)| &media.attributes[..]),
            )
            .collect();
        check_bundle(&text.session, &sections)?;
        check_setup(&transports, first.line)?;
        check_sources(&sections)?;
        Ok(Self {
            ice: IceCredentials {
                ufrag: read_credential(&transports, "ice-ufrag", 4)?,
                pwd: read_credential(&transports, "ice-pwd", 22)?,
            },
            fingerprints: read_fingerprints(&transports)?,
            extensions: merge_extensions(&sections)?,
            allows_mixed: text.session.iter().any(|attribute| attribute.key == "extmap-allow-mixed"),
            sections,
        })
    }

    /// The section with this name.
    pub fn section(&self, mid: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.mid == mid)
    }

    /// The data channels, when they are offered.
    pub fn data(&self) -> Option<&Section> {
        self.sections.iter().find(|section| section.data.is_some())
    }
}

/// Everything that is not stopped must be in the first bundle: there is one transport.
fn check_bundle(session: &[Attribute], sections: &[Section]) -> Result<(), OfferError> {
    let group = session.iter().filter(|attribute| attribute.key == "group").find_map(|attribute| {
        let mids = attribute.value.strip_prefix("BUNDLE")?;
        Some((attribute.line, mids.split_whitespace().collect::<Vec<_>>()))
    });
    let Some((line, mids)) = group else {
        return Err(OfferError::missing("has no a=group:BUNDLE: all sections must share one port"));
    };
    match sections.iter().find(|section| !section.is_stopped && !mids.contains(&section.mid.as_str())) {
        Some(section) => Err(OfferError::at(line, format!("leaves the section {} out of the bundle", quoted(&section.mid)))),
        None => Ok(()),
    }
}

fn check_setup(transports: &[&[Attribute]], first_line: usize) -> Result<(), OfferError> {
    let mut setups = transports.iter().copied().flatten().filter(|attribute| attribute.key == "setup").peekable();
    if setups.peek().is_none() {
        return Err(OfferError::at(first_line, "begins the first section, and neither it nor the session has an a=setup"));
    }
    match setups.find(|setup| !matches!(setup.value.as_str(), "actpass" | "active")) {
        Some(setup) => {
            Err(OfferError::at(setup.line, "must be a=setup:actpass or a=setup:active: the server is the passive end"))
        }
        None => Ok(()),
    }
}

/// One source belongs to one section, or nobody could tell whose a packet is.
fn check_sources(sections: &[Section]) -> Result<(), OfferError> {
    let mut seen: Vec<u32> = Vec::new();
    for section in sections {
        for ssrc in section.sources.iter().flat_map(|source| [Some(source.ssrc), source.rtx]).flatten() {
            if seen.contains(&ssrc) {
                return Err(OfferError::at(section.line, format!("begins a section whose ssrc {ssrc} is announced twice")));
            }
            seen.push(ssrc);
        }
    }
    Ok(())
}

/// The one value of a credential, which may stand in the session, in the first section of the bundle, or in all.
fn read_credential(transports: &[&[Attribute]], key: &str, bytes_min: usize) -> Result<String, OfferError> {
    let mut found = transports.iter().copied().flatten().filter(|attribute| attribute.key == key);
    let Some(first) = found.next() else { return Err(OfferError::missing(format!("has no a={key}"))) };
    let is_ice_char = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let length = bytes_min..=ICE_NAME_BYTES_MAX;
    // Some clients write other visible characters, which do no harm.
    if !length.contains(&first.value.len()) || !first.value.bytes().all(|byte| is_ice_char(byte) || b"-_=.".contains(&byte)) {
        return Err(OfferError::at(
            first.line,
            format!("has no {key} of {bytes_min} to {ICE_NAME_BYTES_MAX} letters and digits"),
        ));
    }
    match found.find(|other| other.value != first.value) {
        Some(other) => Err(OfferError::at(other.line, format!("has another {key} than line {}: one bundle has one", first.line))),
        None => Ok(first.value.clone()),
    }
}

fn read_fingerprints(transports: &[&[Attribute]]) -> Result<Vec<String>, OfferError> {
    let mut fingerprints: Vec<String> = Vec::new();
    for attributes in transports {
        bound(attributes, "fingerprint", SDP_FINGERPRINTS_MAX, "fingerprint")?;
        for attribute in attributes.iter().filter(|attribute| attribute.key == "fingerprint") {
            if !is_fingerprint(&attribute.value) {
                return Err(OfferError::at(attribute.line, "is not of the form a=fingerprint:sha-256 AB:CD:…"));
            }
            if fingerprints.contains(&attribute.value) {
                continue;
            }
            if fingerprints.len() == SDP_FINGERPRINTS_MAX {
                return Err(OfferError::at(attribute.line, format!("is one fingerprint more than {SDP_FINGERPRINTS_MAX}")));
            }
            fingerprints.push(attribute.value.clone());
        }
    }
    if fingerprints.is_empty() {
        return Err(OfferError::missing("has no a=fingerprint: media must be encrypted"));
    }
    Ok(fingerprints)
}

/// Whether it is the name of a hash function and pairs of hexadecimal digits. Which functions are good enough is the transport's.
fn is_fingerprint(text: &str) -> bool {
    text.trim().split_once(' ').is_some_and(|(function, digest)| {
        let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        !function.is_empty() && function.len() <= 16 && digest.len() <= 3 * 64 && digest.trim().split(':').all(is_pair)
    })
}

fn merge_extensions(sections: &[Section]) -> Result<ExtensionIds, OfferError> {
    let mut merged = ExtensionIds::default();
    for section in sections {
        for extension in Extension::ALL {
            let Some(id) = section.extensions.id(extension) else { continue };
            let is_same = merged.extension(id).is_none_or(|known| known == extension)
                && merged.id(extension).is_none_or(|known| known == id);
            if !is_same {
                let uri = extension.uri();
                return Err(OfferError::at(
                    section.line,
                    format!("begins a section in which {uri} has another number than before"),
                ));
            }
            merged.set(extension, id);
        }
    }
    Ok(merged)
}
