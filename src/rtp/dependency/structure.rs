//! Owns the structure that a keyframe brings: the templates of its frames, the decode targets, and who gets which.

use super::super::bits::Bits;
use super::super::codec::{Resolution, Target};
use super::Indications;

/// Most decode targets, and most chains.
pub const DECODE_TARGETS_MAX: usize = 32;
/// Most templates: they are numbered by six bits.
const TEMPLATES_MAX: usize = 64;
/// Combinations of a spatial and a temporal layer.
const TARGETS: usize = (Target::SPATIAL_MAX as usize + 1) * (Target::TEMPORAL_MAX as usize + 1);

/// What a frame is to a decode target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// It does not belong to it.
    NotPresent,
    /// It belongs to it, and nothing in it depends on the frame.
    Discardable,
    /// From this frame on all of it can be decoded, if this frame can.
    Switch,
    /// It belongs to it, and others depend on the frame.
    Required,
}

/// What frames of one kind have in common.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Template {
    pub layer: Target,
    pub indications: Indications,
    /// Bit 0 is the frame directly before.
    pub depends_on: u16,
    pub chains: [u8; DECODE_TARGETS_MAX],
}

/// The structure of a coded video sequence.
#[derive(Debug, Clone)]
pub struct Structure {
    /// The number of the first template.
    first: u8,
    templates: [Template; TEMPLATES_MAX],
    template_count: usize,
    decode_targets: usize,
    chains: usize,
    protected_by: [u8; DECODE_TARGETS_MAX],
    layers: [Target; DECODE_TARGETS_MAX],
    active: u32,
    resolution: Option<Resolution>,
    /// By spatial and temporal layer: the decode target that comes nearest from below.
    by_target: [Option<u8>; TARGETS],
}

impl Structure {
    /// How many decode targets there are.
    pub fn decode_targets(&self) -> usize {
        self.decode_targets
    }

    /// How many chains there are.
    pub fn chains(&self) -> usize {
        self.chains
    }

    /// The chain whose frames must all have come for this decode target to be whole; none without chains.
    pub fn protected_by(&self, decode_target: usize) -> Option<usize> {
        (self.chains > 0 && decode_target < self.decode_targets).then(|| self.protected_by[decode_target].into())
    }

    /// The highest layers of a decode target.
    pub fn layer(&self, decode_target: usize) -> Option<Target> {
        self.layers[..self.decode_targets].get(decode_target).copied()
    }

    /// Which decode targets the sender sends at present: bit 0 is the first.
    pub fn active(&self) -> u32 {
        self.active
    }

    /// The size of the highest spatial layer, where the structure says so.
    pub fn resolution(&self) -> Option<Resolution> {
        self.resolution
    }

    /// For each combination of layers, the decode target that its receivers get.
    pub(super) fn targets(&self) -> impl Iterator<Item = (Target, usize)> + '_ {
        let temporal_layers = usize::from(Target::TEMPORAL_MAX) + 1;
        self.by_target.iter().enumerate().filter_map(move |(at, decode_target)| {
            let target = Target { spatial: (at / temporal_layers) as u8, temporal: (at % temporal_layers) as u8 };
            decode_target.map(|decode_target| (target, decode_target.into()))
        })
    }

    pub(super) fn template(&self, number: u8) -> Option<&Template> {
        let index = usize::from((number + TEMPLATES_MAX as u8 - self.first) % TEMPLATES_MAX as u8);
        self.templates[..self.template_count].get(index)
    }

    pub(super) fn set_active(&mut self, active: u32) {
        if self.active != active {
            self.active = active;
            self.assign_targets();
        }
    }

    pub(super) fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let first = bits.read(6)? as u8;
        let decode_targets = bits.read(5)? as usize + 1;
        let mut structure = Self {
            first,
            templates: [Template::default(); TEMPLATES_MAX],
            template_count: 0,
            decode_targets,
            chains: 0,
            protected_by: [0; DECODE_TARGETS_MAX],
            layers: [Target::default(); DECODE_TARGETS_MAX],
            active: u32::MAX >> (DECODE_TARGETS_MAX - decode_targets),
            resolution: None,
            by_target: [None; TARGETS],
        };
        let spatial_max = structure.read_layers(bits)?;
        let templates = &mut structure.templates[..structure.template_count];
        for template in templates.iter_mut() {
            template.indications = Indications::read(bits, decode_targets)?;
        }
        for template in templates.iter_mut() {
            while bits.flag()? {
                template.depends_on |= 1 << bits.read(4)?;
            }
        }
        structure.read_chains(bits)?;
        if bits.flag()? {
            structure.read_resolutions(bits, spatial_max)?;
        }
        structure.find_layers();
        structure.assign_targets();
        Some(structure)
    }

    /// The layers of the templates, in ascending order; the highest spatial one.
    fn read_layers(&mut self, bits: &mut Bits<'_>) -> Option<u8> {
        let mut layer = Target::default();
        loop {
            self.templates.get_mut(self.template_count)?.layer = layer;
            self.template_count += 1;
            match bits.read(2)? {
                0 => {}
                1 if layer.temporal < Target::TEMPORAL_MAX => layer.temporal += 1,
                2 if layer.spatial < Target::SPATIAL_MAX => layer = Target { spatial: layer.spatial + 1, temporal: 0 },
                3 => return Some(layer.spatial),
                _ => return None,
            }
        }
    }

    fn read_chains(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let chains = bits.below(self.decode_targets as u32 + 1)?;
        self.chains = chains as usize;
        if chains == 0 {
            return Some(());
        }
        for chain in &mut self.protected_by[..self.decode_targets] {
            *chain = bits.below(chains)? as u8;
        }
        for template in &mut self.templates[..self.template_count] {
            for back in template.chains.get_mut(..chains as usize)? {
                *back = bits.read(4)? as u8;
            }
        }
        Some(())
    }

    /// The sizes of all spatial layers, of which the last is the highest.
    fn read_resolutions(&mut self, bits: &mut Bits<'_>, spatial_max: u8) -> Option<()> {
        for _ in 0..=spatial_max {
            let (width, height) = (bits.read(16)? + 1, bits.read(16)? + 1);
            let size = |size: u32| u16::try_from(size).unwrap_or(u16::MAX);
            self.resolution = Some(Resolution { width: size(width), height: size(height) });
        }
        Some(())
    }

    /// A decode target reaches as high as the highest of its frames.
    fn find_layers(&mut self) {
        for (at, layer) in self.layers[..self.decode_targets].iter_mut().enumerate() {
            let present = self.templates[..self.template_count].iter();
            for template in present.filter(|template| template.indications.of(at) != Indication::NotPresent) {
                layer.spatial = layer.spatial.max(template.layer.spatial);
                layer.temporal = layer.temporal.max(template.layer.temporal);
            }
        }
    }

    /// Of the active decode targets that go no higher than wanted, each combination gets the highest.
    fn assign_targets(&mut self) {
        let temporal_layers = usize::from(Target::TEMPORAL_MAX) + 1;
        for (at, place) in self.by_target.iter_mut().enumerate() {
            let wanted = Target { spatial: (at / temporal_layers) as u8, temporal: (at % temporal_layers) as u8 };
            let candidates = self.layers[..self.decode_targets].iter().enumerate();
            *place = candidates
                .filter(|(decode_target, _)| self.active >> decode_target & 1 == 1)
                .filter(|(_, layer)| layer.spatial <= wanted.spatial && layer.temporal <= wanted.temporal)
                .max_by_key(|(_, layer)| **layer)
                .map(|(decode_target, _)| decode_target as u8);
        }
    }
}
