//! Owns what is promised of dependency descriptors: what a writer of its own wrote is read, and anything else is refused.

use proptest::prelude::*;

use super::super::codec::Resolution;
use super::*;

/// Writes numbers of a few bits, highest first.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn put(&mut self, value: u32, width: u32) -> &mut Self {
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn below(&mut self, value: u32, limit: u32) -> &mut Self {
        let width = u32::BITS - limit.leading_zeros();
        let short = (1 << width) - limit;
        if value < short { self.put(value, width - 1) } else { self.put(value + short, width) }
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|byte| (0..8).fold(0, |number, at| number << 1 | u8::from(byte.get(at) == Some(&true)))).collect()
    }
}

/// One template: layer, a letter for each decode target, differences, one difference for each chain.
type Row = ((u8, u8), &'static str, &'static [u32], &'static [u32]);

/// Two spatial and two temporal layers (L2T2): for each layer a keyframe's template, and one that depends on earlier frames.
const L2T2: [Row; 6] = [
    ((0, 0), "SSSS", &[], &[0, 0]),
    ((0, 0), "SSRR", &[4], &[4, 3]),
    ((0, 1), "-D-R", &[2], &[2, 1]),
    ((1, 0), "--SS", &[1], &[1, 1]),
    ((1, 0), "--SS", &[4, 1], &[1, 1]),
    ((1, 1), "---D", &[2, 1], &[3, 2]),
];

fn letter(letter: char) -> u32 {
    "-DSR".find(letter).expect("a letter of the specification") as u32
}

fn write_structure(writer: &mut Writer, first: u32, rows: &[Row], resolutions: &[(u32, u32)]) {
    let decode_targets = rows[0].1.len() as u32;
    writer.put(first, 6).put(decode_targets - 1, 5);
    for pair in rows.windows(2) {
        let (before, after) = (pair[0].0, pair[1].0);
        writer.put(if after.0 > before.0 { 2 } else { (after.1 - before.1).into() }, 2);
    }
    writer.put(3, 2);
    for row in rows {
        row.1.chars().for_each(|indication| {
            writer.put(letter(indication), 2);
        });
    }
    for row in rows {
        row.2.iter().for_each(|back| {
            writer.put(1, 1).put(back - 1, 4);
        });
        writer.put(0, 1);
    }
    let chains = rows[0].3.len() as u32;
    writer.below(chains, decode_targets + 1);
    for decode_target in 0..decode_targets {
        writer.below(decode_target * chains / decode_targets, chains);
    }
    for row in rows {
        row.3.iter().for_each(|back| {
            writer.put(*back, 4);
        });
    }
    writer.put((!resolutions.is_empty()).into(), 1);
    for (width, height) in resolutions {
        writer.put(width - 1, 16).put(height - 1, 16);
    }
}

fn head(template: u32, number: u32) -> Writer {
    let mut writer = Writer::default();
    writer.put(0b11, 2).put(template, 6).put(number, 16);
    writer
}

/// A keyframe with the structure, whose first template has the number 60, so that they go around.
fn keyframe() -> Vec<u8> {
    let mut writer = head(60, 100);
    writer.put(0b10000, 5);
    write_structure(&mut writer, 60, &L2T2, &[(320, 180), (640, 360)]);
    writer.bytes()
}

fn read(dependencies: &mut Dependencies, bytes: &[u8]) -> Result<(Descriptor, Facts), DependencyError> {
    let mut facts = Facts::PADDING;
    dependencies.read(bytes, &mut facts).map(|descriptor| (descriptor, facts))
}

fn begun() -> Dependencies {
    let mut dependencies = Dependencies::default();
    read(&mut dependencies, &keyframe()).expect("a keyframe");
    dependencies
}

#[test]
fn a_keyframe_brings_its_structure() {
    let mut dependencies = Dependencies::default();
    let (descriptor, facts) = read(&mut dependencies, &keyframe()).expect("a keyframe");
    assert!(facts.is_keyframe && facts.is_frame_start && facts.is_frame_end && descriptor.has_structure);
    assert_eq!(facts.resolution, Some(Resolution { width: 640, height: 360 }));
    assert_eq!((facts.needed_by, facts.switches_to), (Targets::ALL, Targets::ALL));
    let structure = dependencies.structure().expect("brought");
    assert_eq!((structure.decode_targets(), structure.chains(), structure.active()), (4, 2, 0b1111));
    let layers = [0, 1, 2, 3].map(|decode_target| structure.layer(decode_target).expect("there"));
    assert_eq!(layers, [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(spatial, temporal)| Target::new(spatial, temporal)));
    assert_eq!((structure.protected_by(1), structure.protected_by(2), structure.protected_by(4)), (Some(0), Some(1), None));
}

#[test]
fn a_frame_is_what_its_template_says() {
    let mut dependencies = begun();
    // Template 65 goes around to 1: the last one.
    let (descriptor, facts) = read(&mut dependencies, &head(1, 103).bytes()).expect("a frame");
    assert_eq!((descriptor.layer, descriptor.frame.number, descriptor.frame.depends_on), (Target::new(1, 1), 103, 0b11));
    assert_eq!(descriptor.chains[..2], [3, 2]);
    assert!(facts.is_discardable && !facts.is_keyframe);
    let needed: Vec<(u8, u8)> =
        (0..4).flat_map(|s| (0..8).map(move |t| (s, t))).filter(|(s, t)| facts.needed_by.contains(Target::new(*s, *t))).collect();
    assert!(needed.iter().all(|(spatial, temporal)| *spatial >= 1 && *temporal >= 1) && needed.len() == 21);
}

#[test]
fn places_to_switch_are_those_of_the_decode_targets() {
    let mut dependencies = begun();
    let (_, facts) = read(&mut dependencies, &head(61, 104).bytes()).expect("a frame");
    let switches = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(s, t)| facts.switches_to.contains(Target::new(s, t)));
    assert_eq!((switches, facts.needed_by), ([true, true, false, false], Targets::ALL));
}

#[test]
fn a_frame_may_say_it_differently() {
    let mut dependencies = begun();
    let mut writer = head(62, 7);
    writer.put(0b00111, 5);
    "--DD".chars().for_each(|indication| {
        writer.put(letter(indication), 2);
    });
    writer.put(1, 2).put(2, 4).put(2, 2).put(63, 8).put(3, 2).put(4_000, 12).put(0, 2).put(200, 8).put(9, 8);
    let (descriptor, facts) = read(&mut dependencies, &writer.bytes()).expect("a frame");
    assert_eq!(descriptor.frame, FrameNumber { number: 7, depends_on: 1 << 2 | 1 << 63, depends_further: true });
    assert_eq!(descriptor.chains[..3], [200, 9, 0]);
    assert_eq!([0, 1, 2, 3].map(|at| descriptor.indications.of(at)), {
        use Indication::{Discardable, NotPresent};
        [NotPresent, NotPresent, Discardable, Discardable]
    });
    assert!(facts.is_discardable && !facts.needed_by.contains(Target::new(0, 1)));
}

#[test]
fn who_wants_more_than_is_sent_gets_what_is_sent() {
    let mut dependencies = begun();
    let mut writer = head(61, 104);
    writer.put(0b01000, 5).put(0b0011, 4);
    let (_, facts) = read(&mut dependencies, &writer.bytes()).expect("a frame");
    assert!(facts.switches_to.contains(Target::new(1, 1)), "it is that of the lower spatial layer now");
    assert_eq!(dependencies.structure().expect("brought").active(), 0b0011);
    read(&mut dependencies, &keyframe()).expect("a keyframe");
    assert_eq!(dependencies.structure().expect("brought").active(), 0b1111, "a structure activates all");
}

#[test]
fn without_its_structure_a_frame_is_refused() {
    let mut dependencies = Dependencies::default();
    assert_eq!(read(&mut dependencies, &head(60, 1).bytes()).err(), Some(DependencyError::NoStructure));
    assert_eq!(read(&mut begun(), &head(2, 1).bytes()).err(), Some(DependencyError::NoTemplate));
    assert_eq!(read(&mut begun(), &head(59, 1).bytes()).err(), Some(DependencyError::NoTemplate));
}

#[test]
fn what_ends_early_is_refused_and_changes_nothing() {
    let whole = keyframe();
    for len in 0..whole.len() {
        let mut dependencies = Dependencies::default();
        let mut facts = Facts::PADDING;
        assert!(dependencies.read(&whole[..len], &mut facts).is_err(), "{len} bytes");
        assert!(dependencies.structure().is_none() && facts == Facts::PADDING, "{len} bytes");
    }
}

#[test]
fn too_many_templates_or_layers_are_refused() {
    for (next, count) in [(0, 64), (1, 8), (2, 4)] {
        let mut writer = head(0, 1);
        writer.put(0b10000, 5).put(0, 6).put(0, 5);
        (0..count).for_each(|_| {
            writer.put(next, 2);
        });
        writer.put(3, 2).put(0, 32).put(0, 32).put(0, 32).put(0, 32).put(0, 32).put(0, 32).put(0, 32).put(0, 32);
        assert_eq!(read(&mut Dependencies::default(), &writer.bytes()).err(), Some(DependencyError::Malformed), "{next}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120), has_begun: bool, forces_structure: bool) {
        let mut bytes = bytes;
        if let (true, Some(byte)) = (forces_structure, bytes.get_mut(3)) {
            *byte |= 0x80;
        }
        let mut dependencies = if has_begun { begun() } else { Dependencies::default() };
        if let Ok((descriptor, facts)) = read(&mut dependencies, &bytes) {
            prop_assert!(dependencies.structure().is_some());
            prop_assert_eq!(facts.frame.map(|frame| frame.number), Some(u16::from_be_bytes([bytes[1], bytes[2]])));
            prop_assert!(descriptor.layer.spatial <= 3 && descriptor.layer.temporal <= 7);
        }
    }
}
