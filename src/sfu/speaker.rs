//! Owns who is heard in a room: the loudest three, the dominant speaker, and everyone who speaks, from audio levels (RFC 6464).

use std::time::{Duration, Instant};

use slab::Slab;

/// Voices that are forwarded.
pub const LOUDEST: usize = 3;

/// One step of the clock, as long as a packet of Opus.
const STEP: Duration = Duration::from_millis(20);

/// Steps that are caught up with at most; after a longer pause the time between is forgotten.
const STEPS_MAX: u32 = 100;

/// Levels are told up to here: a sender that claims more gains nothing by it. −20 dBov is a loud voice.
const LOUDNESS_MAX: u8 = 107;

/// Quieter than this (−60 dBov) is not a voice.
const LOUDNESS_MIN: u8 = 67;

/// A voice stands out by so many decibels from its own quietest moment of late; what does not vary is a fan, or a lie.
const OVER_FLOOR: u8 = 10;

/// Half of the time over which that quietest moment is sought.
const FLOOR_STEPS: u32 = 100;

/// A packet counts for so long.
const PACKET_STEPS: u32 = 3;

/// What a packet without a level counts for, and the fewest bytes of payload that it is speech with; Opus says silence in less.
const UNLEVELLED: u8 = 87;
const SPEECH_BYTES: usize = 12;

/// After this without voice, a seat among the loudest is free for any other.
const HOLD_STEPS: u32 = 8;

/// Decibels by which another must be louder to take a seat whose holder speaks.
const MARGIN: f32 = 6.0;

/// A voice begins to speak with 8 active steps of 20, and stops with fewer than 2 of 30.
const SPEAKS: (usize, u32) = (20, 8);
const STOPS: (usize, u32) = (30, 2);

/// Steps of the long view, and how often the dominant speaker is chosen.
const STEPS: usize = 50;
const CHOOSE_STEPS: u32 = 15;

/// The three views of Volfovsky and Cohen, "Dominant speaker identification for multipoint videoconferencing": how many parts each has,
/// from how many of its parts on a greater part counts as active, the rate of the silent hypothesis, and the lead needed.
const BANDS: u32 = 13;
const BAND_DB: u8 = 5;
const MEDIUM: (u32, u8) = (5, 4);
const LONG: (u32, u32) = (10, 4);
const RATES: [f64; 3] = [0.78, 24.0, 47.0];
const LEADS: [f64; 3] = [3.0, 2.0, 0.0];

/// Names a voice of a room, from [`Speakers::join`] to [`Speakers::leave`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoiceId(usize);

/// What a step has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changed {
    /// Who is forwarded.
    pub loudest: bool,
    /// Who is dominant, or who speaks.
    pub speakers: bool,
}

/// The voices of a room. Noting a packet is a store; the rest is done every 20 ms for the voices that send.
#[derive(Debug)]
pub struct Speakers<K> {
    voices: Slab<Voice<K>>,
    loudest: Vec<K>,
    speaking: Vec<K>,
    dominant: Option<K>,
    stepped_at: Instant,
    step: u32,
    heard_at: Option<Instant>,
    changed: Changed,
}

#[derive(Debug)]
struct Voice<K> {
    key: K,
    /// The loudest of the packets that came since the last step, and steps since the last packet.
    noted: Option<u8>,
    loudness: u8,
    absent_steps: u32,
    floor: [u8; 2],
    rank: f32,
    quiet_steps: u32,
    /// Bands over the floor, by step.
    bands: [u8; STEPS],
    is_seated: bool,
    is_speaking: bool,
}

impl<K: Copy + Eq> Speakers<K> {
    /// An empty room.
    pub fn new(now: Instant) -> Self {
        Self {
            voices: Slab::new(),
            loudest: Vec::with_capacity(LOUDEST),
            speaking: Vec::new(),
            dominant: None,
            stepped_at: now,
            step: 0,
            heard_at: None,
            changed: Changed::default(),
        }
    }

    /// A voice more: one audio publication.
    pub fn join(&mut self, key: K) -> VoiceId {
        VoiceId(self.voices.insert(Voice {
            key,
            noted: None,
            loudness: 0,
            absent_steps: PACKET_STEPS,
            floor: [LOUDNESS_MAX; 2],
            rank: 0.0,
            quiet_steps: HOLD_STEPS,
            bands: [0; STEPS],
            is_seated: false,
            is_speaking: false,
        }))
    }

    /// A voice is gone; its seat is free with the next step.
    pub fn leave(&mut self, id: VoiceId) {
        let Some(voice) = self.voices.try_remove(id.0) else { return };
        self.changed.loudest |= voice.is_seated;
        self.changed.speakers |= voice.is_speaking || self.dominant == Some(voice.key);
        self.loudest.retain(|key| *key != voice.key);
        self.speaking.retain(|key| *key != voice.key);
        self.dominant = self.dominant.filter(|key| *key != voice.key);
        // The seat is filled, and the change told, even when nobody sends.
        self.heard_at = self.heard_at.max(Some(self.stepped_at));
    }

    /// A packet came: its level in −dBov (0 is the loudest, 127 silence) if it told one, and its bytes of payload.
    pub fn note(&mut self, now: Instant, id: VoiceId, level: Option<u8>, payload_bytes: usize) {
        let Some(voice) = self.voices.get_mut(id.0) else { return };
        let loudness = match level {
            Some(level) => 127 - level.min(127),
            None if payload_bytes >= SPEECH_BYTES => UNLEVELLED,
            None => 0,
        };
        if level.is_none() {
            // Without levels silence is not seen otherwise.
            voice.floor[0] = 0;
        }
        voice.noted = voice.noted.max(Some(loudness.min(LOUDNESS_MAX)));
        self.heard_at = Some(now);
    }

    /// Who is forwarded: up to [`LOUDEST`], in no order of loudness.
    pub fn loudest(&self) -> &[K] {
        &self.loudest
    }

    /// Who has the floor; stays until another has it.
    pub fn dominant(&self) -> Option<K> {
        self.dominant
    }

    /// Everyone whose voice is heard.
    pub fn speaking(&self) -> &[K] {
        &self.speaking
    }

    /// When the next step is due; none in a room where nobody has sent for 2 s.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let heard = self.heard_at?;
        let is_busy = self.stepped_at < heard + STEP * STEPS_MAX;
        is_busy.then_some(self.stepped_at.max(heard.checked_sub(STEP * STEPS_MAX).unwrap_or(heard)) + STEP)
    }

    /// Lets the time pass to `now`, and tells what has changed since the last call.
    pub fn handle_timeout(&mut self, now: Instant) -> Changed {
        let due =
            (now.saturating_duration_since(self.stepped_at).as_millis() / STEP.as_millis()).min(u128::from(u32::MAX)) as u32;
        if due > STEPS_MAX {
            self.stepped_at = now - STEP * STEPS_MAX;
        }
        for _ in 0..due.min(STEPS_MAX) {
            self.stepped_at += STEP;
            self.step = self.step.wrapping_add(1);
            self.voices.iter_mut().for_each(|(_, voice)| voice.step(self.step));
            self.seat();
            self.list();
            if self.step.is_multiple_of(CHOOSE_STEPS) {
                self.choose_dominant();
            }
        }
        std::mem::take(&mut self.changed)
    }

    /// Gives each free seat, and that of the quietest, to who is louder.
    fn seat(&mut self) {
        loop {
            // Only who is not quiet: else two quiet ones could take one seat from each other for ever.
            let unseated = self.voices.iter().filter(|(_, voice)| !voice.is_seated && voice.quiet_steps < HOLD_STEPS);
            let Some((louder, rank)) =
                unseated.map(|(id, voice)| (id, voice.rank)).max_by(|(_, one), (_, other)| one.total_cmp(other))
            else {
                return;
            };
            if self.loudest.len() == LOUDEST {
                let dominant = self.dominant;
                let held = |voice: &Voice<K>| if voice.quiet_steps < HOLD_STEPS { voice.rank + MARGIN } else { 0.0 };
                let seated = self.voices.iter().filter(|(_, voice)| voice.is_seated && dominant != Some(voice.key));
                let Some((quietest, held)) =
                    seated.map(|(id, voice)| (id, held(voice))).min_by(|(_, one), (_, other)| one.total_cmp(other))
                else {
                    return;
                };
                if rank <= held {
                    return;
                }
                let voice = &mut self.voices[quietest];
                voice.is_seated = false;
                let key = voice.key;
                self.loudest.retain(|seated| *seated != key);
            }
            let voice = &mut self.voices[louder];
            voice.is_seated = true;
            self.loudest.push(voice.key);
            self.changed.loudest = true;
        }
    }

    fn list(&mut self) {
        for (_, voice) in &mut self.voices {
            let speaks = match voice.is_speaking {
                false => voice.active(self.step, SPEAKS.0) >= SPEAKS.1,
                true => voice.active(self.step, STOPS.0) >= STOPS.1,
            };
            if speaks != voice.is_speaking {
                voice.is_speaking = speaks;
                self.changed.speakers = true;
                match speaks {
                    true => self.speaking.push(voice.key),
                    false => self.speaking.retain(|key| *key != voice.key),
                }
            }
        }
    }

    fn choose_dominant(&mut self) {
        let step = self.step;
        let best = |present: Option<[f64; 3]>| {
            let leads = move |scores: &[f64; 3]| match present {
                None => true,
                Some(present) => (0..3).all(|view| (scores[view] / present[view]).ln() > LEADS[view]),
            };
            let speaking = self.voices.iter().filter(|(_, voice)| voice.is_speaking && self.dominant != Some(voice.key));
            let scored = speaking.map(|(_, voice)| (voice.key, voice.scores(step))).filter(|(_, scores)| leads(scores));
            scored.max_by(|(_, one), (_, other)| one[1].total_cmp(&other[1])).map(|(key, _)| key)
        };
        let present = self.voices.iter().find(|(_, voice)| self.dominant == Some(voice.key));
        let next = best(present.map(|(_, voice)| voice.scores(step)));
        if next.is_some() {
            self.dominant = next;
            self.changed.speakers = true;
        }
    }
}

impl<K> Voice<K> {
    fn step(&mut self, step: u32) {
        match self.noted.take() {
            Some(loudness) => (self.loudness, self.absent_steps) = (loudness, 0),
            None => self.absent_steps = self.absent_steps.saturating_add(1),
        }
        if self.absent_steps >= PACKET_STEPS {
            self.loudness = 0;
        }
        if step.is_multiple_of(FLOOR_STEPS) {
            self.floor = [LOUDNESS_MAX, self.floor[0]];
        }
        self.floor[0] = self.floor[0].min(self.loudness);
        let floor = self.floor[0].min(self.floor[1]);
        let is_active = self.loudness >= LOUDNESS_MIN && self.loudness >= floor + OVER_FLOOR;
        // A band counts from where a voice may begin, so that a silent room does not make a whisper a shout.
        let over = self.loudness.saturating_sub(floor.max(LOUDNESS_MIN - 4 * BAND_DB));
        self.bands[step as usize % STEPS] = if is_active { (over / BAND_DB).max(1) } else { 0 };
        self.quiet_steps = if is_active { 0 } else { self.quiet_steps.saturating_add(1) };
        // A pause between syllables costs no rank, or equal voices would take each other's seat at every one.
        let heard = match self.quiet_steps {
            0 => f32::from(self.loudness),
            1..HOLD_STEPS => self.rank,
            _ => 0.0,
        };
        self.rank += (heard - self.rank) * if heard > self.rank { 0.5 } else { 0.1 };
        if self.rank < 1.0 {
            self.rank = 0.0;
        }
    }

    /// The last `count` steps, the latest first.
    fn latest(&self, step: u32, count: usize) -> impl Iterator<Item = u8> {
        (0..count).map(move |back| self.bands[(step as usize + STEPS - back) % STEPS])
    }

    fn active(&self, step: u32, count: usize) -> u32 {
        self.latest(step, count).filter(|bands| *bands > 0).count() as u32
    }

    /// How much likelier speech is than silence in the immediate, the medium and the long view.
    fn scores(&self, step: u32) -> [f64; 3] {
        let mut mediums = [0; LONG.0 as usize];
        for (back, bands) in self.latest(step, STEPS).enumerate() {
            mediums[back / MEDIUM.0 as usize] += u32::from(bands >= MEDIUM.1);
        }
        let immediate = self.latest(step, MEDIUM.0 as usize).max().unwrap_or(0).into();
        let long = mediums.iter().filter(|active| **active >= LONG.1).count() as u32;
        [score(immediate, BANDS, RATES[0]), score(mediums[0], MEDIUM.0, RATES[1]), score(long, LONG.0, RATES[2])]
    }
}

/// The logarithm of how likely `active` of `parts` are by even chance, over how likely by a silence that fades at `rate`.
fn score(active: u32, parts: u32, rate: f64) -> f64 {
    let active = active.min(parts);
    let ways: f64 = (1..=active).map(|at| (f64::from(parts - active + at) / f64::from(at)).ln()).sum();
    let score = ways + f64::from(parts) * 0.5f64.ln() - rate.ln() + f64::from(active) * rate;
    score.max(1e-10)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room {
        speakers: Speakers<u32>,
        voices: Vec<VoiceId>,
        now: Instant,
        changes: u32,
    }

    impl Room {
        fn new(count: u32) -> Self {
            let now = Instant::now();
            let mut speakers = Speakers::new(now);
            let voices = (0..count).map(|key| speakers.join(key)).collect();
            Self { speakers, voices, now, changes: 0 }
        }

        /// Lets packets come every 20 ms: `level` of the voice and the packet's number.
        fn run(&mut self, ms: u64, level: impl Fn(usize, u64) -> Option<u8>) {
            for number in 0..ms / 20 {
                for at in 0..self.voices.len() {
                    if let Some(level) = level(at, number) {
                        self.speakers.note(self.now, self.voices[at], Some(level), 80);
                    }
                }
                self.now += STEP;
                self.changes += u32::from(self.speakers.handle_timeout(self.now).loudest);
            }
        }
    }

    /// Syllables of 200 ms at −30 dBov with pauses of 80 ms between.
    fn speech(number: u64) -> u8 {
        if number % 14 < 10 { 30 } else { 70 }
    }

    #[test]
    fn who_begins_to_speak_is_forwarded_within_60_ms_and_dominant_within_two_seconds() {
        let mut room = Room::new(200);
        room.run(3000, |at, number| Some(if at < 3 { speech(number) } else { 80 }));
        let mut loudest = room.speakers.loudest().to_vec();
        loudest.sort_unstable();
        assert_eq!(loudest, [0, 1, 2]);
        room.run(400, |_, _| Some(80));
        room.run(60, |at, number| Some(if at == 150 { speech(number) } else { 80 }));
        assert!(room.speakers.loudest().contains(&150));
        room.run(2000, |at, number| Some(if at == 150 { speech(number) } else { 80 }));
        assert_eq!(room.speakers.dominant(), Some(150));
        assert_eq!(room.speakers.speaking(), [150]);
    }

    #[test]
    fn a_cough_does_not_take_the_floor() {
        let mut room = Room::new(5);
        room.run(4000, |at, number| Some(if at == 0 { speech(number) } else { 80 }));
        room.run(200, |at, number| {
            Some(if at == 1 {
                20
            } else if at == 0 {
                speech(number)
            } else {
                80
            })
        });
        room.run(600, |at, number| Some(if at == 0 { speech(number) } else { 80 }));
        assert_eq!(room.speakers.dominant(), Some(0));
    }

    #[test]
    fn pauses_and_equal_voices_do_not_make_seats_change() {
        let mut room = Room::new(8);
        room.run(2000, |at, number| Some(if at < 3 { speech(number + at as u64 * 5) } else { 80 }));
        room.changes = 0;
        // Five speak at nearly the same loudness.
        room.run(10_000, |at, number| Some(if at < 5 { speech(number + at as u64 * 5) + (number % 3) as u8 } else { 80 }));
        assert!(room.changes <= 2, "{} changes", room.changes);
    }

    #[test]
    fn who_always_claims_to_be_loudest_wins_nothing() {
        let mut room = Room::new(6);
        room.run(1000, |at, _| Some(if at == 5 { 0 } else { 80 }));
        room.run(8000, |at, number| {
            Some(if at == 5 {
                0
            } else if at < 3 {
                speech(number)
            } else {
                80
            })
        });
        assert!(!room.speakers.loudest().contains(&5), "{:?}", room.speakers.loudest());
        assert!(!room.speakers.speaking().contains(&5));
        assert_ne!(room.speakers.dominant(), Some(5));
    }

    #[test]
    fn who_mutes_loses_the_seat_to_the_next_and_stops_speaking() {
        let mut room = Room::new(4);
        room.run(3000, |at, number| Some(if at < 3 { speech(number) } else { 80 }));
        room.run(1000, |at, number| (at != 1).then(|| if at == 3 { speech(number) } else { 40 + speech(number) / 2 }));
        assert!(room.speakers.loudest().contains(&3) && !room.speakers.speaking().contains(&1));
    }

    #[test]
    fn without_levels_the_packets_tell() {
        let mut room = Room::new(2);
        for number in 0..150u64 {
            room.speakers.note(room.now, room.voices[0], None, if number % 14 < 10 { 90 } else { 3 });
            room.speakers.note(room.now, room.voices[1], None, 3);
            room.now += STEP;
            room.speakers.handle_timeout(room.now);
        }
        assert_eq!(room.speakers.speaking(), [0]);
        assert_eq!(room.speakers.dominant(), Some(0));
    }

    #[test]
    fn who_leaves_is_forgotten_and_the_change_is_told() {
        let mut room = Room::new(2);
        room.run(3000, |at, number| Some(if at == 0 { speech(number) } else { 80 }));
        room.speakers.leave(room.voices[0]);
        room.speakers.leave(room.voices[0]);
        assert!(room.speakers.loudest().is_empty() && room.speakers.speaking().is_empty());
        assert_eq!(room.speakers.dominant(), None);
        assert_eq!(room.speakers.handle_timeout(room.now), Changed { loudest: true, speakers: true });
    }

    #[test]
    fn a_silent_room_asks_for_no_time() {
        let mut room = Room::new(2);
        assert_eq!(room.speakers.poll_timeout(), None);
        room.run(40, |_, _| Some(80));
        assert!(room.speakers.poll_timeout().is_some());
        let due = room.now + Duration::from_secs(3600);
        room.speakers.handle_timeout(due);
        assert_eq!(room.speakers.poll_timeout(), None);
    }
}
