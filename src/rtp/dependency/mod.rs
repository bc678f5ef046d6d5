//! Owns the dependency descriptor (AV1 RTP specification, appendix A): which frame needs which, and who needs it.

mod structure;
#[cfg(test)]
mod tests;

pub use self::structure::{DECODE_TARGETS_MAX, Indication, Structure};
use super::bits::Bits;
use super::codec::{Facts, FrameNumber, Target, Targets};

/// Why a dependency descriptor cannot be used. Each is for a counter; the packet cannot be decoded by anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// It ends too early, or says more than there can be.
    #[error("not a dependency descriptor")]
    Malformed,
    /// There is no structure yet that it could refer to: the keyframe is missing.
    #[error("its structure has not come")]
    NoStructure,
    /// It refers to a template that the structure does not have.
    #[error("no such template")]
    NoTemplate,
}

/// The descriptor of one packet, with its template's values where it has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// Whether the packet is the first of its frame.
    pub is_frame_start: bool,
    /// Whether it is the last of its frame.
    pub is_frame_end: bool,
    /// The frame, and what it depends on.
    pub frame: FrameNumber,
    /// Its spatial and temporal layer.
    pub layer: Target,
    /// What the frame is to each decode target.
    pub indications: Indications,
    /// For each chain: how many frames back its last frame is; 0 when there is none.
    pub chains: [u8; DECODE_TARGETS_MAX],
    /// Whether it brought a structure of its own: it begins a coded video sequence.
    pub has_structure: bool,
}

/// What one frame is to each decode target: two bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indications(pub(self) u64);

impl Indications {
    /// What it is to this decode target, 0 to 31.
    pub fn of(self, decode_target: usize) -> Indication {
        match self.0 >> (2 * (decode_target % DECODE_TARGETS_MAX)) & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }

    fn read(bits: &mut Bits<'_>, count: usize) -> Option<Self> {
        (0..count).try_fold(Self(0), |all, at| Some(Self(all.0 | u64::from(bits.read(2)?) << (2 * at))))
    }
}

/// The structure of one stream, as its last keyframe brought it.
#[derive(Debug, Default)]
pub struct Dependencies {
    structure: Option<Box<Structure>>,
}

impl Dependencies {
    /// The structure that is valid now; none before the first keyframe.
    pub fn structure(&self) -> Option<&Structure> {
        self.structure.as_deref()
    }

    /// Reads the descriptor of a packet, takes note of the structure in it, and puts what it says into the packet's facts: it
    /// knows more than the payload. Nothing changes when it cannot be used. Allocates once for a stream.
    pub fn read(&mut self, bytes: &[u8], facts: &mut Facts) -> Result<Descriptor, DependencyError> {
        let mut bits = Bits::new(bytes);
        let head = Head::read(&mut bits).ok_or(DependencyError::Malformed)?;
        let flags = if bytes.len() > 3 { Flags::read(&mut bits).ok_or(DependencyError::Malformed)? } else { Flags::default() };
        let brought =
            if flags.has_structure { Some(Structure::read(&mut bits).ok_or(DependencyError::Malformed)?) } else { None };
        let structure = brought.as_ref().or(self.structure.as_deref()).ok_or(DependencyError::NoStructure)?;
        let active = match flags.has_active {
            true => Some(bits.read(structure.decode_targets() as u32).ok_or(DependencyError::Malformed)?),
            false => None,
        };
        let descriptor = head.define(&flags, structure, &mut bits)?;
        let resolution = brought.as_ref().and_then(Structure::resolution);
        if let Some(brought) = brought {
            match &mut self.structure {
                Some(place) => **place = brought,
                None => self.structure = Some(Box::new(brought)),
            }
        }
        let structure = self.structure.as_deref_mut().ok_or(DependencyError::NoStructure)?;
        if let Some(active) = active {
            structure.set_active(active);
        }
        descriptor.apply(structure, facts);
        facts.resolution = resolution.or(facts.resolution);
        Ok(descriptor)
    }
}

impl Descriptor {
    fn apply(&self, structure: &Structure, facts: &mut Facts) {
        facts.is_frame_start = self.is_frame_start;
        facts.is_frame_end = self.is_frame_end;
        facts.layer = self.layer;
        facts.frame = Some(self.frame);
        let depends_on_none = self.frame.depends_on == 0 && !self.frame.depends_further;
        facts.is_keyframe = self.is_frame_start && self.has_structure && depends_on_none;
        facts.is_discardable = true;
        facts.needed_by = Targets::NONE;
        facts.switches_to = Targets::NONE;
        facts.switches_from = Target::default();
        for (target, decode_target) in structure.targets() {
            let indication = self.indications.of(decode_target);
            if indication != Indication::NotPresent {
                facts.needed_by.insert(target);
            }
            if indication == Indication::Switch {
                facts.switches_to.insert(target);
            }
            facts.is_discardable &= matches!(indication, Indication::NotPresent | Indication::Discardable);
        }
    }
}

/// The fields that every descriptor has.
struct Head {
    is_frame_start: bool,
    is_frame_end: bool,
    template: u8,
    number: u16,
}

impl Head {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        Some(Self {
            is_frame_start: bits.flag()?,
            is_frame_end: bits.flag()?,
            template: bits.read(6)? as u8,
            number: bits.read(16)? as u16,
        })
    }

    /// The frame: its template, and what it says differently.
    fn define(&self, flags: &Flags, structure: &Structure, bits: &mut Bits<'_>) -> Result<Descriptor, DependencyError> {
        let template = structure.template(self.template).ok_or(DependencyError::NoTemplate)?;
        let mut descriptor = Descriptor {
            is_frame_start: self.is_frame_start,
            is_frame_end: self.is_frame_end,
            frame: FrameNumber { number: self.number, depends_on: template.depends_on.into(), depends_further: false },
            layer: template.layer,
            indications: template.indications,
            chains: [0; DECODE_TARGETS_MAX],
            has_structure: flags.has_structure,
        };
        for (chain, back) in descriptor.chains.iter_mut().zip(template.chains) {
            *chain = back;
        }
        descriptor.customize(flags, structure, bits).ok_or(DependencyError::Malformed)?;
        Ok(descriptor)
    }
}

impl Descriptor {
    fn customize(&mut self, flags: &Flags, structure: &Structure, bits: &mut Bits<'_>) -> Option<()> {
        if flags.has_indications {
            self.indications = Indications::read(bits, structure.decode_targets())?;
        }
        if flags.has_diffs {
            (self.frame.depends_on, self.frame.depends_further) = (0, false);
            loop {
                let size = bits.read(2)?;
                if size == 0 {
                    break;
                }
                match bits.read(4 * size)? {
                    back @ 0..64 => self.frame.depends_on |= 1 << back,
                    _ => self.frame.depends_further = true,
                }
            }
        }
        if flags.has_chains {
            for chain in &mut self.chains[..structure.chains()] {
                *chain = bits.read(8)? as u8;
            }
        }
        Some(())
    }
}

/// What a longer descriptor has besides.
#[derive(Default)]
struct Flags {
    has_structure: bool,
    has_active: bool,
    has_indications: bool,
    has_diffs: bool,
    has_chains: bool,
}

impl Flags {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        Some(Self {
            has_structure: bits.flag()?,
            has_active: bits.flag()?,
            has_indications: bits.flag()?,
            has_diffs: bits.flag()?,
            has_chains: bits.flag()?,
        })
    }
}
