//! Owns the promises of a slot's numbers: no gap, no way back, whatever the network and the switches do.

use proptest::prelude::*;

use super::super::codec::{Facts, FrameNumber, Target};
use super::super::extension::Carried;
use super::*;

const VIDEO_HZ: u32 = 90_000;

fn meta(sequence: u64, timestamp: u32) -> Meta {
    let facts = Facts::ALONE;
    Meta { sequence, arrival: Instant::now(), timestamp, marker: true, payload_type: 96, facts, carried: Carried::default() }
}

fn with_picture(mut meta: Meta, id: u16, tl0: u8) -> Meta {
    meta.facts.picture = Some(Picture {
        id: id & 0x7fff,
        is_wide: true,
        must_be_continuous: true,
        id_at: 2,
        tl0,
        tl0_at: 4,
        key_index: 0,
        key_index_at: 0,
    });
    meta
}

fn slot() -> Rewriter {
    Rewriter::new(VIDEO_HZ, Start { sequence: 65_534, timestamp: u32::MAX - 1000 })
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn it_begins_where_it_is_told() {
    let mut slot = slot();
    let now = Instant::now();
    assert_eq!((slot.layer(), slot.next(now, 0, &meta(100_000, 5), true)), (None, None));
    slot.begin(now, 0, &meta(100_000, 5), None).expect("nothing before it");
    let first = slot.next(now, 0, &meta(100_000, 5), true).expect("forwarded");
    assert_eq!((first.sequence, first.timestamp, slot.layer()), (65_534, u32::MAX - 1000, Some(0)));
    assert_eq!(slot.timestamp(6), Some(u32::MAX - 999));
}

#[test]
fn what_is_left_out_in_order_leaves_no_gap_and_what_is_missing_does() {
    let mut slot = slot();
    let now = Instant::now();
    slot.begin(now, 0, &meta(70_000, 0), None).expect("nothing before it");
    let mut forwarded = |sequence: u64| slot.next(now, 0, &meta(sequence, 0), true).map(|out| out.sequence);
    assert_eq!([70_000, 70_001].map(&mut forwarded), [Some(65_534), Some(65_535)]);
    assert_eq!(slot.leave_out(now, 0, &meta(70_002, 0)), None);
    let mut forwarded = |sequence: u64| slot.next(now, 0, &meta(sequence, 0), true).map(|out| out.sequence);
    assert_eq!(
        [70_003, 70_005, 70_004, 70_004, 70_002, 69_999].map(&mut forwarded),
        [Some(0), Some(2), Some(1), None, None, None]
    );
}

#[test]
fn a_packet_that_comes_late_and_is_not_wanted_is_replaced_by_padding() {
    let mut slot = slot();
    let now = Instant::now();
    slot.begin(now, 0, &meta(70_000, 0), None).expect("nothing before it");
    slot.next(now, 0, &meta(70_000, 0), true);
    slot.next(now, 0, &meta(70_002, 0), true);
    let filling = slot.leave_out(now, 0, &meta(70_001, 0)).expect("a gap to fill");
    assert_eq!((filling.sequence, filling.is_padding), (65_535, true));
    assert_eq!(slot.leave_out(now, 0, &meta(70_001, 0)), None, "once");
    assert_eq!(slot.find(65_535).expect("sent").rewritten, filling);
}

#[test]
fn padding_goes_between_frames_only() {
    let mut slot = slot();
    let now = Instant::now();
    assert_eq!(slot.pad(now), None);
    slot.begin(now, 0, &meta(70_000, 0), None).expect("nothing before it");
    slot.next(now, 0, &meta(70_000, 0), false);
    assert_eq!(slot.pad(now), None, "within a frame");
    slot.next(now, 0, &meta(70_001, 0), true);
    let padding = [slot.pad(now), slot.pad(now)].map(|out| out.map(|out| out.sequence));
    assert_eq!(padding, [Some(0), Some(1)]);
    assert_eq!(slot.next(now, 0, &meta(70_002, 9), true).map(|out| out.sequence), Some(2));
}

#[test]
fn sender_reports_decide_where_another_layer_goes_on() {
    let mut slot = slot();
    let start = Instant::now();
    slot.begin(start, 0, &meta(70_000, 1_000), None).expect("nothing before it");
    let first = slot.next(start, 0, &meta(70_000, 1_000), true).expect("forwarded").timestamp;
    // Another layer: its timestamp 500_000 is 1_000 + 3_000 in the clock of the first.
    let now = start + millis(40);
    slot.begin(now, 2, &meta(90_000, 500_000), Some(4_000)).expect("ahead");
    let second = slot.next(now, 2, &meta(90_000, 500_000), true).expect("forwarded");
    assert_eq!((second.timestamp.wrapping_sub(first), second.sequence), (3_000, 65_535));
    assert_eq!(slot.next(now, 0, &meta(70_001, 1_000), true), None, "the former layer has ended");
    assert_eq!(slot.next(now, 2, &meta(89_999, 1_000), true), None, "from before the switch");
}

#[test]
fn a_layer_that_is_a_little_behind_goes_on_one_tick_later() {
    let mut slot = slot();
    let now = Instant::now();
    slot.begin(now, 0, &meta(70_000, 10_000), None).expect("nothing before it");
    let first = slot.next(now, 0, &meta(70_000, 10_000), true).expect("forwarded").timestamp;
    slot.begin(now, 1, &meta(80_000, 0), Some(10_000 - 6_750)).expect("75 ms behind");
    let second = slot.next(now, 1, &meta(80_000, 0), true).expect("forwarded").timestamp;
    assert_eq!(second.wrapping_sub(first), 1);
}

#[test]
fn a_layer_that_is_far_behind_is_refused_for_a_second() {
    let mut slot = slot();
    let start = Instant::now();
    slot.begin(start, 0, &meta(70_000, 100_000), None).expect("nothing before it");
    let first = slot.next(start, 0, &meta(70_000, 100_000), true).expect("forwarded").timestamp;
    for (after, expected) in [(10, Err(Behind)), (1_009, Err(Behind)), (1_010, Ok(()))] {
        let begun = slot.begin(start + millis(after), 1, &meta(80_000, 0), Some(100_000 - 6_751));
        assert_eq!(begun, expected, "{after} ms");
    }
    let second = slot.next(start + millis(1_010), 1, &meta(80_000, 0), true).expect("forwarded").timestamp;
    assert_eq!(second.wrapping_sub(first), 90_900, "by the clock on the wall");
}

#[test]
fn a_report_that_leads_into_the_far_future_is_not_believed() {
    let mut slot = slot();
    let start = Instant::now();
    slot.begin(start, 0, &meta(70_000, 0), None).expect("nothing before it");
    let first = slot.next(start, 0, &meta(70_000, 0), true).expect("forwarded").timestamp;
    slot.begin(start + millis(100), 1, &meta(80_000, 0), Some(20 * VIDEO_HZ)).expect("by the clock on the wall");
    assert_eq!(slot.timestamp(0).expect("begun").wrapping_sub(first), 9_000);
}

#[test]
fn another_sender_goes_on_by_the_clock_on_the_wall_and_nothing_of_the_first_is_found() {
    let mut slot = slot();
    let start = Instant::now();
    slot.begin(start, 0, &meta(70_000, 0), None).expect("nothing before it");
    let first = slot.next(start, 0, &meta(70_000, 0), true).expect("forwarded");
    slot.leave_sender();
    assert_eq!(slot.find(first.sequence), None);
    let now = start + millis(2_000);
    slot.begin(now, 0, &meta(99_000, 77), Some(5)).expect("by the clock on the wall");
    let second = slot.next(now, 0, &meta(99_000, 77), true).expect("forwarded");
    assert_eq!((second.sequence, second.timestamp.wrapping_sub(first.timestamp)), (65_535, 180_000));
}

#[test]
fn a_sender_that_begins_anew_leaves_no_trace_of_it() {
    let mut slot = slot();
    let start = Instant::now();
    slot.begin(start, 0, &meta(70_000, 9_000), None).expect("nothing before it");
    let first = slot.next(start, 0, &meta(70_000, 9_000), true).expect("forwarded");
    let second = slot.next(start + millis(10), 0, &meta(140_000, 123_456_789), true).expect("forwarded");
    assert_eq!(second.sequence, first.sequence.wrapping_add(1), "a leap of numbers");
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 900);
    let third = slot.next(start + millis(20), 0, &meta(140_001, 5), true).expect("forwarded");
    assert_eq!(third.sequence, second.sequence.wrapping_add(1));
    assert_eq!(third.timestamp.wrapping_sub(second.timestamp), 900, "its timestamps go back");
}

#[test]
fn picture_ids_go_on_across_layers_and_what_is_left_out() {
    let mut slot = slot();
    let now = Instant::now();
    let first = with_picture(meta(70_000, 0), 0x7fff, 7);
    slot.begin(now, 0, &first, None).expect("nothing before it");
    let before = slot.next(now, 0, &first, true).expect("forwarded").patch;
    slot.leave_out(now, 0, &with_picture(meta(70_001, 1), 0, 7));
    let after = slot.next(now, 0, &with_picture(meta(70_002, 2), 1, 8), true).expect("forwarded").patch;
    assert_eq!((after.picture_id.wrapping_sub(before.picture_id), after.tl0.wrapping_sub(before.tl0)), (1, 1));
    let other = with_picture(meta(90_000, 3), 500, 99);
    slot.begin(now, 1, &other, None).expect("by the clock on the wall");
    let switched = slot.next(now, 1, &other, true).expect("forwarded").patch;
    assert_eq!((switched.picture_id.wrapping_sub(after.picture_id), switched.tl0.wrapping_sub(after.tl0)), (1, 1));
}

#[test]
fn frame_numbers_keep_their_distances_within_a_layer_and_go_on_across() {
    let framed = |sequence, number| {
        let mut meta = meta(sequence, sequence as u32);
        meta.facts.frame = Some(FrameNumber { number, depends_on: 1, depends_further: false });
        meta
    };
    let mut slot = slot();
    let now = Instant::now();
    slot.begin(now, 0, &framed(70_000, 65_535), None).expect("nothing before it");
    let a = slot.next(now, 0, &framed(70_000, 65_535), true).expect("forwarded").patch.frame_number;
    slot.leave_out(now, 0, &framed(70_001, 0));
    let b = slot.next(now, 0, &framed(70_002, 1), true).expect("forwarded").patch.frame_number;
    slot.leave_sender();
    slot.begin(now, 0, &framed(80_000, 9), None).expect("by the clock on the wall");
    let c = slot.next(now, 0, &framed(80_000, 9), true).expect("forwarded").patch.frame_number;
    assert_eq!((b.wrapping_sub(a), c.wrapping_sub(b)), (2, 1));
}

#[test]
fn a_patch_is_written_where_the_numbers_stand() {
    let mut payload = [0x90, 0xf0, 0x81, 0x02, 9, 0xa3, 0x50];
    let picture = Picture {
        id: 0x102,
        is_wide: true,
        must_be_continuous: true,
        id_at: 2,
        tl0: 9,
        tl0_at: 4,
        key_index: 3,
        key_index_at: 5,
    };
    Patch { picture_id: 0x7ffe, tl0: 10, key_index: 31, frame_number: 0 }.apply(&picture, &mut payload);
    assert_eq!(payload, [0x90, 0xf0, 0xff, 0xfe, 10, 0xbf, 0x50]);
    let narrow = Picture { id: 2, is_wide: false, tl0_at: 0, key_index_at: 0, ..picture };
    Patch { picture_id: 0x7ffe, ..Patch::default() }.apply(&narrow, &mut payload);
    assert_eq!(payload[2..4], [0x7e, 0xfe]);
    Patch::default().apply(&Picture { id_at: 200, ..picture }, &mut [0; 3]);
}

/// A packet of a simulated sender: three temporal layers, two packets a picture.
fn packet(index: u64, base_sequence: u64, base_timestamp: u32, base_picture: u16) -> Meta {
    let picture = index / 2;
    let temporal = [0, 2, 1, 2][(picture % 4) as usize];
    let tl0 = (picture / 4) as u8;
    let timestamp = base_timestamp.wrapping_add(picture as u32 * 3_000);
    let mut meta = with_picture(meta(base_sequence + index, timestamp), base_picture.wrapping_add(picture as u16), tl0);
    meta.facts.layer = Target::new(0, temporal);
    meta.marker = index % 2 == 1;
    meta
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Packets come reordered by up to `window`, some twice, some never; pictures above a temporal layer are left out; layers and
    /// senders change. Whatever comes out has numbers of its own in the order of the source, without gaps but for losses.
    #[test]
    fn a_slot_goes_on(
        sequence: u16, timestamp: u32, temporal in 0u8..3, window in 0u64..6,
        parts in proptest::collection::vec((any::<u16>(), any::<u32>(), any::<u16>(), 20u64..200, 0u8..3, any::<bool>()), 1..5),
        noise in proptest::collection::vec(0u8..100, 1000), loss in prop_oneof![Just(0u8), Just(5)],
    ) {
        let mut slot = Rewriter::new(VIDEO_HZ, Start { sequence, timestamp });
        let mut now = Instant::now();
        let mut noise = noise.into_iter().cycle();
        let mut highest = u64::from(sequence) + (1 << 16) - 1;
        let mut last_timestamp = None;
        let mut last_picture: Option<u16> = None;
        let mut last_layer = None;
        for (base_sequence, base_timestamp, base_picture, count, layer, is_other_sender) in parts {
            if is_other_sender || last_layer == Some(layer) {
                slot.leave_sender();
            }
            last_layer = Some(layer);
            let source = |index| packet(index, u64::from(base_sequence) + (1 << 16), base_timestamp, base_picture);
            // The first packet of the keyframe comes first: there is no switch without it.
            let mut order: Vec<u64> = (1..count * 2).filter(|_| loss == 0 || noise.next() >= Some(loss)).collect();
            order.sort_by_cached_key(|index| index + u64::from(noise.next().unwrap_or(0)) % (window + 1));
            order.insert(0, 0);
            let twice: Vec<u64> = order.iter().copied().filter(|_| noise.next() < Some(10)).collect();
            let mut came: Vec<(u64, Rewritten)> = Vec::new();
            slot.begin(now, layer, &source(0), None).expect("the clock on the wall");
            for index in order.iter().copied().chain(twice) {
                now += Duration::from_micros(16_667);
                let meta = source(index);
                if meta.facts.layer.temporal > temporal {
                    if let Some(filling) = slot.leave_out(now, layer, &meta) {
                        came.push((index, filling));
                    }
                } else if let Some(out) = slot.next(now, layer, &meta, meta.marker) {
                    let sent = slot.find(out.sequence).expect("just sent");
                    prop_assert_eq!((sent.layer, sent.source_sequence, sent.rewritten), (layer, meta.sequence, out));
                    came.push((index, out));
                }
            }
            came.sort_by_key(|(index, _)| *index);
            let numbers: Vec<u64> = came.iter().map(|(_, out)| highest + u64::from(out.sequence.wrapping_sub(highest as u16))).collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the source: {numbers:?}");
            if loss == 0 {
                let expected: Vec<u64> = (highest + 1..=highest + numbers.len() as u64).collect();
                prop_assert_eq!(&numbers, &expected, "without a gap");
            }
            for (_, out) in came.iter().filter(|(_, out)| !out.is_padding) {
                let ahead = out.timestamp.wrapping_sub(last_timestamp.unwrap_or(out.timestamp)) as i32;
                prop_assert!(ahead >= 0, "never back");
                last_timestamp = Some(out.timestamp);
                let step = last_picture.map_or(0, |last| out.patch.picture_id.wrapping_sub(last) & 0x7fff);
                prop_assert!(step <= 1 || loss > 0 || window > 0, "pictures go on: {step}");
                prop_assert!(step < 0x4000, "pictures never go back: {step}");
                last_picture = Some(out.patch.picture_id);
            }
            highest = numbers.last().copied().unwrap_or(highest);
        }
    }

    #[test]
    fn any_packets_are_taken(
        steps in proptest::collection::vec((0u8..5, 0u8..3, 0u64..200_000, any::<u32>(), any::<u16>(), any::<u8>(), 0u64..3_000), 1..200),
    ) {
        let mut slot = Rewriter::new(48_000, Start::default());
        let mut now = Instant::now();
        for (kind, layer, sequence, timestamp, id, tl0, wait) in steps {
            now += Duration::from_millis(wait);
            let meta = with_picture(meta(sequence, timestamp), id, tl0);
            match kind {
                0 => drop(slot.begin(now, layer, &meta, Some(timestamp))),
                1 => drop(slot.leave_out(now, layer, &meta)),
                2 => drop(slot.pad(now)),
                3 => slot.leave_sender(),
                _ => if let Some(out) = slot.next(now, layer, &meta, true) {
                    prop_assert_eq!(slot.find(out.sequence).map(|sent| sent.rewritten), Some(out));
                }
            }
            slot.find(id);
        }
    }
}
