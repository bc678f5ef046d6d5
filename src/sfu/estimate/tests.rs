//! Owns the estimate's stories: a subscriber's call over a link that changes, from seeds, under virtual time.

mod call;
mod link;

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::sfu::twcc::ClusterId;
use call::Call;

/// Those that have found something are kept.
const SEEDS: [u64; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

#[test]
fn a_link_cut_to_400_kbits_is_followed_without_a_freeze_and_left_again_when_it_widens() {
    for seed in SEEDS {
        for held in [7.0, 15.0, 33.0] {
            let mut call = Call::new(Instant::now(), 10e6, seed);
            call.run(10.0);
            assert_eq!(call.tenths.last().expect("ran").layer, Some(2), "seed {seed}");
            call.decoder.longest_us = 0;
            call.down.bps = 400_000.0;
            call.run(held);
            let frozen = call.decoder.longest_us;
            call.decoder.longest_us = 0;
            call.down.bps = 10e6;
            call.run(20.0);
            let released = 10.0 + held;
            let back = (0..200).find(|at| {
                call.between(released + *at as f64 / 10.0, released + 20.0).iter().all(|tenth| tenth.layer == Some(2))
            });
            let below =
                (0..).find(|at| call.rate(10.0 + *at as f64 / 10.0, 11.0 + *at as f64 / 10.0) < 400_000.0).expect("some time");
            println!(
                "seed {seed} held {held}: below 400k after {below} tenths, longest without a picture {} ms then {} ms, back after {back:?} tenths",
                frozen / 1000,
                call.decoder.longest_us / 1000
            );
            assert!(below <= 30, "seed {seed}");
            let mut at = 13.0;
            while at + 1.0 <= released {
                assert!(call.rate(at, at + 1.0) < 400_000.0, "seed {seed}: {} at {at}", call.rate(at, at + 1.0));
                at += 0.1;
            }
            assert!(
                call.between(13.0, released).iter().all(|tenth| tenth.layer == Some(0)),
                "seed {seed}: the small picture stays"
            );
            assert!(frozen < 1_000_000, "seed {seed}: {frozen}");
            assert!(call.decoder.longest_us < 500_000, "seed {seed}: {}", call.decoder.longest_us);
            assert!(back.is_some_and(|tenths| tenths < 150), "seed {seed}: {back:?}");
        }
    }
}

#[test]
fn five_percent_of_loss_both_ways_takes_no_layer_away() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 10e6, seed);
        (call.down.loss, call.up.loss) = (0.05, 0.05);
        call.run(2.0);
        call.decoder.longest_us = 0;
        call.run(30.0);
        let least = call.between(2.0, 32.0).iter().map(|tenth| tenth.bps).min();
        println!("seed {seed}: least estimate {least:?}, longest without a picture {} ms", call.decoder.longest_us / 1000);
        assert!(call.between(1.0, 32.0).iter().all(|tenth| tenth.layer == Some(2)), "seed {seed}");
        assert!(call.decoder.longest_us < 600_000, "seed {seed}: {}", call.decoder.longest_us);
    }
}

#[test]
fn keyframes_on_a_link_that_is_wide_enough_take_no_layer_away() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 3.5e6, seed);
        call.down.jitter_us = 10_000;
        call.run(5.0);
        for _ in 0..10 {
            call.ask_for_keyframe();
            call.run(3.0);
        }
        let away = call.between(5.0, 35.0).iter().filter(|tenth| tenth.layer != Some(2)).count();
        println!("seed {seed}: {away} tenths away");
        assert!(away == 0, "seed {seed}");
    }
}

#[test]
fn a_link_that_stands_still_for_a_moment_is_trusted_again_soon() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 8e6, seed);
        call.run(10.0);
        call.down.still_until_us = call.now_us + 300_000;
        call.run(10.3);
        let away = call.between(10.3, 20.0).iter().filter(|tenth| tenth.layer != Some(2)).count();
        let least = call.between(10.0, 20.0).iter().map(|tenth| tenth.bps).min();
        println!("seed {seed}: {away} tenths away, least {least:?}");
        assert!(away <= 60, "seed {seed}");
    }
}

#[test]
fn a_competing_flow_gets_its_part_and_takes_no_more() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 3e6, seed);
        call.down.jitter_us = 5_000;
        call.run(10.0);
        call.competing_bps = 2e6;
        call.run(20.0);
        call.competing_bps = 0.0;
        call.run(15.0);
        let lost: u64 = call.between(13.0, 30.0).iter().map(|tenth| tenth.lost).sum();
        let (beside, alone) = (call.rate(13.0, 30.0), call.rate(41.0, 45.0));
        let paused = call.between(10.0, 45.0).iter().filter(|tenth| tenth.layer.is_none()).count();
        println!("seed {seed}: {beside:.0} beside 2 Mbit/s of 3, {lost} lost, {alone:.0} alone, paused {paused}");
        assert!((350_000.0..1_000_000.0).contains(&beside), "seed {seed}: {beside}");
        assert!(alone > 1_500_000.0, "seed {seed}: {alone}");
        assert!(paused == 0, "seed {seed}");
    }
}

#[test]
fn a_twentieth_lost_is_the_radio_and_a_quarter_is_too_much() {
    let mut call = Call::new(Instant::now(), 20e6, 4);
    call.down.loss = 0.25;
    call.run(10.0);
    let last = call.tenths.last().expect("ran").bps;
    assert!((60_000..1_500_000).contains(&last), "{last}");
    call.down.loss = 0.0;
    call.run(12.0);
    assert_eq!(call.tenths.last().expect("ran").layer, Some(2));
}

#[test]
fn what_is_not_used_neither_grows_nor_decays() {
    let mut call = Call::new(Instant::now(), 10e6, 6);
    call.run(5.0);
    let before = call.estimate.bps();
    call.is_video_on = false;
    call.run(60.0);
    let padding: u64 = call.between(6.0, 65.0).iter().map(|tenth| tenth.padding).sum();
    assert_eq!((call.estimate.bps(), padding), (before, 0), "voice alone says nothing, and nothing more is wanted");
    call.is_video_on = true;
    call.run(1.0);
    assert_eq!(call.tenths.last().expect("ran").layer, Some(2), "it is all there at once");
}

#[test]
fn what_is_wanted_beyond_the_start_is_found_by_probes_within_a_second() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 30e6, seed);
        call.extra_wanted = 8_000_000;
        call.run(1.5);
        assert!(call.estimate.bps() > 9_000_000, "seed {seed}: {}", call.estimate.bps());
    }
}

#[test]
fn a_small_link_is_not_flooded_by_the_probes_of_one_who_wants_much() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 1e6, seed);
        call.extra_wanted = 8_000_000;
        call.run(60.0);
        let padding: u64 = call.between(5.0, 60.0).iter().map(|tenth| tenth.padding).sum();
        let lost: u64 = call.between(5.0, 60.0).iter().map(|tenth| tenth.lost).sum();
        let share = padding as f64 * 8.0 / 55.0 / 1e6;
        let over = call.between(5.0, 60.0).iter().filter(|tenth| tenth.bps > 1_100_000).count();
        assert!(share < 0.03 && over == 0, "seed {seed}: {share} of the link is padding, {over} tenths over it");
        assert!(lost < 60, "seed {seed}: {lost}");
        assert!(call.between(5.0, 60.0).iter().all(|tenth| tenth.layer == Some(1)), "seed {seed}");
    }
}

#[test]
fn jitter_alone_takes_no_layer_away() {
    for seed in SEEDS {
        let mut call = Call::new(Instant::now(), 10e6, seed);
        call.down.jitter_us = 60_000;
        call.run(3.0);
        call.run(30.0);
        let away = call.between(3.0, 33.0).iter().filter(|tenth| tenth.layer != Some(2)).count();
        assert!(away == 0, "seed {seed}: {away} tenths");
    }
}

#[test]
fn without_transport_wide_feedback_the_receivers_word_counts() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut estimate = Estimate::new(start);
    estimate.set_wanted(start, 9_000_000);
    assert_eq!((estimate.poll_probe(start), estimate.poll_timeout()), (None, None), "what nobody reports on is not probed");
    estimate.handle_remb(at(100), 700_000);
    assert_eq!(estimate.bps(), 700_000);
    estimate.handle_remb(at(200), 4_000_000);
    assert_eq!(estimate.bps(), 4_000_000);
    (1..=10).for_each(|second| estimate.handle_loss(at(second * 1000), 0.05, 100));
    assert_eq!(estimate.bps(), 4_000_000, "a twentieth lost means nothing");
    (11..=20).for_each(|second| estimate.handle_loss(at(second * 1000), 0.3, 100));
    assert!((700_000..900_000).contains(&estimate.bps()), "{}", estimate.bps());
    (21..=40).for_each(|second| estimate.handle_loss(at(second * 1000), 0.0, 100));
    assert!(estimate.bps() > 3_000_000, "{}", estimate.bps());
    estimate.handle_remb(at(41_000), 0);
    assert_eq!(estimate.bps(), crate::limits::ESTIMATE_BPS_MIN);
    estimate.handle_remb(at(42_000), u64::MAX);
    assert_eq!(estimate.bps(), crate::limits::ESTIMATE_BPS_MAX);
}

proptest! {
    #[test]
    fn any_outcomes_keep_the_estimate_within_its_bounds(
        outcomes in proptest::collection::vec((0u64..100_000, proptest::option::of(any::<i64>()), any::<u16>(), 0u32..20), 1..300),
        chunk in 1usize..50,
    ) {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        estimate.set_wanted(start, u64::MAX);
        for (number, chunk) in outcomes.chunks(chunk).enumerate() {
            let now = start + Duration::from_millis(number as u64 * 50);
            let told: Vec<Outcome> = chunk.iter().map(|(ms, received, size, cluster)| Outcome {
                sent: start + Duration::from_millis(*ms),
                received_us: received.map(|us| us / 1_000_000),
                size: *size,
                cluster: Some(ClusterId(*cluster)).filter(|id| id.0 < 10),
            }).collect();
            estimate.handle_outcomes(now, &told);
            let probe = estimate.poll_probe(now);
            prop_assert!(probe.is_none_or(|probe| probe.bytes < 1_000_000));
            prop_assert!((ESTIMATE_BPS_MIN..=ESTIMATE_BPS_MAX).contains(&estimate.bps()));
        }
    }
}

#[test]
fn a_cut_with_jitter_losses_or_another_queue_is_no_long_pause() {
    for seed in SEEDS {
        for (queue_us, jitter_us, loss) in [
            (60_000, 40_000, 0.0),
            (60_000, 15_000, 0.02),
            (200_000, 40_000, 0.0),
            (200_000, 15_000, 0.02),
            (1_000_000, 40_000, 0.0),
            (1_000_000, 15_000, 0.02),
        ] {
            let name = format!("seed {seed}, queue {queue_us}, jitter {jitter_us}, loss {loss}");
            let mut call = Call::new(Instant::now(), 10e6, seed);
            (call.down.queue_max_us, call.down.jitter_us) = (queue_us, jitter_us);
            (call.down.loss, call.up.loss) = (loss, loss);
            call.run(10.0);
            call.decoder.longest_us = 0;
            call.down.bps = 400_000.0;
            call.run(20.0);
            let paused = call.between(10.0, 30.0).iter().filter(|tenth| tenth.layer.is_none()).count();
            // Losses while a second of queue drains still lower the estimate once too often, for one wait.
            let paused_max = if queue_us == 1_000_000 && loss > 0.0 { 40 } else { 0 };
            assert!(paused <= paused_max, "{name}: paused for {paused} tenths");
            // A queue of 60 ms does not hold a keyframe: there its repair decides.
            let longest_us = if queue_us == 200_000 || loss == 0.0 { 1_500_000 } else { 4_000_000 };
            assert!(call.decoder.longest_us < longest_us, "{name}: {}", call.decoder.longest_us);
        }
    }
}
