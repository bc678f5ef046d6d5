//! Owns one member: its peer connection, camera and microphone, and what it does with what arrives, as a browser does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use visavis::id::ParticipantId;
use visavis::protocol::{SectionState, SlotState, Source};
use visavis::rtp::rtcp::{Report, Rtcp, SenderInfo, Writer, walk};
use visavis::rtp::{ExtensionIds, Extensions, Fields, Header, write_header};
use visavis::sfu::twcc;

use crate::camera::{Camera, Encoding, Microphone, Numbering, Packet};
use crate::client::{Arrival, Client};
use crate::offer::{self, Answered, OPUS, RTX, VP8, Wants};
use crate::receiver::Receiver;

/// How long media of before may still arrive after the member was told what its slot carries now.
const IN_FLIGHT: Duration = Duration::from_millis(400);

/// What a slot is said to carry: whose, what, since when, and whose before.
#[derive(Debug, Clone)]
pub struct Told {
    pub now: Option<SlotState>,
    pub since: Instant,
    before: Option<ParticipantId>,
}

/// One member.
pub struct Member {
    pub number: u32,
    pub wants: Wants,
    pub revision: u32,
    pub client: Client,
    pub ids: ExtensionIds,
    pub camera: Option<Camera>,
    pub microphone: Option<Microphone>,
    pub receivers: Vec<Receiver>,
    pub told: HashMap<String, Told>,
    /// The last news of its sending sections, and how often there was any.
    pub sends: Vec<SectionState>,
    pub answers: usize,
    pub refusals: Vec<String>,
    /// Keyframes asked of it, by stream.
    pub asked: HashMap<u32, Vec<Instant>>,
    /// Feedback about its packets that a browser would take: it names a stream of its own.
    pub feedback: usize,
    /// Bytes of media, and of retransmissions, that came.
    pub bytes: (u64, u64),
    /// It lets its browser answer loss and report.
    pub gives_feedback: bool,
    pub sends_media: bool,
    arrivals: Option<twcc::Receiver>,
    transport_sequence: u16,
    rtx_sequences: HashMap<u32, u64>,
    /// Middle of the NTP time of the last sender report of a stream, and when it came.
    reported: HashMap<u32, (u32, Instant)>,
    next_feedback: Instant,
    next_report: Instant,
}

/// The participant with this number.
pub fn id(number: u32) -> ParticipantId {
    format!("{number:016x}").parse().expect("a number above zero")
}

/// The stream of a member's microphone; its camera's and their retransmissions follow.
pub fn microphone_of(number: u32) -> u32 {
    number * 16
}

/// Whose a stream is.
pub fn owner(ssrc: u32) -> u32 {
    ssrc / 16
}

impl Member {
    pub fn new(now: Instant, number: u32, wants: Wants) -> Self {
        let profiles = [SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm];
        let camera = wants.camera.then(|| Camera::new(now, Encoding::three(number * 16 + 1), 65_500));
        let microphone = wants.microphone.then(|| Microphone::new(now, microphone_of(number)));
        Self {
            number,
            ids: offer::ids(wants.shift),
            wants,
            revision: 1,
            client: Client::new(number, &profiles),
            camera,
            microphone,
            receivers: Vec::new(),
            told: HashMap::new(),
            sends: Vec::new(),
            answers: 0,
            refusals: Vec::new(),
            asked: HashMap::new(),
            feedback: 0,
            bytes: (0, 0),
            gives_feedback: true,
            sends_media: true,
            arrivals: None,
            transport_sequence: 0,
            rtx_sequences: HashMap::new(),
            reported: HashMap::new(),
            next_feedback: now,
            next_report: now,
        }
    }

    pub fn offer(&self) -> String {
        offer::offer(&self.wants, &self.client.ufrag, &self.client.pwd, &self.client.fingerprint())
    }

    pub fn handle_answer(&mut self, now: Instant, sdp: &str) {
        self.answers += 1;
        let Answered { ufrag, pwd, slots } = offer::read_answer(sdp);
        for (mid, ssrc, rtx) in slots {
            if !self.receivers.iter().any(|receiver| receiver.mid == mid) {
                self.receivers.push(Receiver::new(now, mid, ssrc, rtx));
            }
        }
        self.client.connect(now, &ufrag, &pwd);
    }

    pub fn handle_slots(&mut self, now: Instant, slots: Vec<SlotState>) {
        for (_, told) in self.told.iter_mut().filter(|(mid, _)| !slots.iter().any(|slot| &&slot.mid == mid)) {
            if let Some(before) = told.now.take() {
                (told.before, told.since) = (Some(before.participant), now);
            }
        }
        for slot in slots {
            let told = self.told.entry(slot.mid.clone()).or_insert(Told { now: None, since: now, before: None });
            if told.now.as_ref().map(|now| now.participant) != Some(slot.participant) {
                (told.before, told.since) = (told.now.as_ref().map(|now| now.participant).or(told.before), now);
            }
            told.now = Some(slot);
        }
    }

    pub fn handle_sends(&mut self, sections: Vec<SectionState>) {
        if let (Some(camera), Some(section)) = (&mut self.camera, sections.iter().find(|section| section.mid == "1")) {
            camera.activate(&section.active);
        }
        self.sends = sections;
    }

    /// What the slot with a picture or sound of this member carries.
    pub fn slot_of(&self, other: u32, source: Source) -> Option<&Receiver> {
        let (mid, _) = self
            .told
            .iter()
            .find(|(_, told)| told.now.as_ref().is_some_and(|slot| (slot.participant, slot.source) == (id(other), source)))?;
        self.receivers.iter().find(|receiver| &receiver.mid == mid)
    }

    /// Pictures of another's camera, or its sounds, that came so far.
    pub fn heard(&self, other: u32, source: Source) -> usize {
        let is_video = source == Source::Camera;
        let receivers = self.receivers.iter().filter(|receiver| receiver.is_video == is_video);
        let streams = receivers.flat_map(|receiver| receiver.heard.iter());
        streams.filter(|(ssrc, _)| owner(**ssrc) == other).map(|(_, count)| count).sum()
    }

    /// The lines of the picture that it sees of another now.
    pub fn lines_of(&self, other: u32) -> Option<u16> {
        Some(self.slot_of(other, Source::Camera)?.last.filter(|(ssrc, ..)| owner(*ssrc) == other)?.1)
    }

    pub fn faults(&self) -> Vec<String> {
        let all = self.receivers.iter().flat_map(|receiver| receiver.faults.iter());
        all.map(|fault| format!("member {}: {fault}", self.number)).collect()
    }

    /// Lets time pass: media goes out, feedback too.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            self.client.handle_timeout(now);
        }
        if !self.client.is_connected() {
            return;
        }
        if !self.sends_media {
            self.camera.iter_mut().for_each(|camera| camera.rest(now));
            self.microphone.iter_mut().for_each(|microphone| microphone.rest(now));
        }
        let mut packets = Vec::new();
        let transport_sequence = &mut self.transport_sequence;
        if let Some(camera) = self.camera.as_mut().filter(|camera| camera.poll_timeout() <= now) {
            let mut numbering = Numbering { mid: "1", payload_type: VP8, ids: &self.ids, transport_sequence };
            packets.extend(camera.handle_timeout(now, &mut numbering));
        }
        let transport_sequence = &mut self.transport_sequence;
        if let Some(microphone) = self.microphone.as_mut().filter(|microphone| microphone.poll_timeout() <= now) {
            let mut numbering = Numbering { mid: "0", payload_type: OPUS, ids: &self.ids, transport_sequence };
            packets.extend(microphone.handle_timeout(now, &mut numbering));
        }
        for packet in packets {
            self.client.send_rtp(&packet.bytes, packet.header_len, packet.roc);
        }
        if self.next_feedback <= now && self.gives_feedback {
            self.next_feedback = now + Duration::from_millis(20);
            self.feed_back(now);
        }
        if self.next_report <= now && self.gives_feedback {
            self.next_report = now + Duration::from_secs(1);
            self.report(now);
        }
    }

    fn feed_back(&mut self, now: Instant) {
        let mut bytes = [0; 1200];
        let mut writer = Writer::new(&mut bytes);
        for receiver in &mut self.receivers {
            let (missing, wants_keyframe) = receiver.poll(now);
            if receiver.is_video && !missing.is_empty() {
                writer.nack(1, receiver.ssrc, &missing);
            }
            if wants_keyframe {
                writer.pli(1, receiver.ssrc);
            }
        }
        if let Some(arrivals) = &mut self.arrivals {
            while let Some(len) = arrivals.write(now, 1, 0, writer.room()) {
                writer.advance(len);
            }
        }
        let len = writer.len();
        if len > 0 {
            self.client.send_rtcp(&bytes[..len]);
        }
    }

    fn report(&mut self, now: Instant) {
        let mut bytes = [0; 1200];
        let mut writer = Writer::new(&mut bytes);
        let mut streams = Vec::new();
        if let Some(microphone) = &self.microphone {
            streams.push((microphone.ssrc, microphone.timestamp(now)));
        }
        if let Some(camera) = &self.camera {
            streams.extend(camera.ssrcs().into_iter().map(|ssrc| (ssrc, camera.timestamp(now))));
        }
        let ntp = ntp_of(now);
        for (ssrc, rtp) in streams {
            writer.sender_report(&SenderInfo { ssrc, ntp, rtp, packets: 1, bytes: 1 }, &[]);
        }
        let reports: Vec<Report> = self
            .receivers
            .iter_mut()
            .filter_map(|receiver| {
                let report = receiver.reception.report()?;
                let (last_sender_report, delay) = self
                    .reported
                    .get(&receiver.ssrc)
                    .map_or((0, 0), |(middle, at)| (*middle, ((now - *at).as_micros() * 65_536 / 1_000_000) as u32));
                Some(Report {
                    ssrc: receiver.ssrc,
                    fraction_lost: report.fraction_lost,
                    lost: report.cumulative_lost,
                    highest: report.highest_sequence,
                    jitter: report.jitter,
                    last_sender_report,
                    delay,
                })
            })
            .collect();
        writer.receiver_report(1, &reports);
        let len = writer.len();
        self.client.send_rtcp(&bytes[..len]);
    }

    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.client.handle_datagram(now, datagram);
        while let Some(arrival) = self.client.poll_arrival() {
            match arrival {
                Arrival::Connected => {}
                Arrival::Rtp(packet) => self.handle_rtp(now, &packet),
                Arrival::Rtcp(packet) => self.handle_rtcp(now, &packet),
            }
        }
    }

    fn handle_rtp(&mut self, now: Instant, packet: &[u8]) {
        let header = Header::parse(packet).expect("RTP");
        let payload = &packet[header.payload(packet).expect("RTP")];
        let extensions = Extensions::read(packet, &header, &self.ids);
        let number = extensions.transport_sequence.expect("the member has offered it");
        self.arrivals.get_or_insert_with(|| twcc::Receiver::new(now)).note(now, number);
        let is = |receiver: &&mut Receiver| receiver.ssrc == header.ssrc || receiver.rtx_ssrc == Some(header.ssrc);
        let receiver = self.receivers.iter_mut().find(is).expect("of an announced stream");
        if receiver.ssrc == header.ssrc {
            assert_eq!(header.payload_type, if receiver.is_video { VP8 } else { OPUS });
            self.bytes.0 += packet.len() as u64;
            receiver.handle_packet(now, &header, payload);
        } else {
            assert_eq!(header.payload_type, RTX);
            self.bytes.1 += packet.len() as u64;
            receiver.handle_again(now, &header, payload);
        }
        let Some((stream, ..)) = receiver.last.filter(|(.., at)| *at == now) else { return };
        let told = self.told.get(&receiver.mid);
        let is_told = told.is_some_and(|told| {
            let is_former = told.before == Some(id(owner(stream))) && now - told.since < IN_FLIGHT;
            told.now.as_ref().is_some_and(|slot| slot.participant == id(owner(stream))) || is_former
        });
        if !is_told {
            receiver.faults.push(format!("{}: media of {} where it was told {told:?}", receiver.mid, owner(stream)));
        }
    }

    fn handle_rtcp(&mut self, now: Instant, packet: &[u8]) {
        assert!(packet.len() <= 1250, "RTCP of {} bytes does not fit every path", packet.len());
        for part in walk(packet) {
            match part.expect("the server speaks RTCP") {
                Rtcp::Nack(nack) => nack.sequences().for_each(|sequence| self.send_again(nack.media, sequence)),
                Rtcp::Pli(ssrc) => self.ask(now, ssrc),
                Rtcp::Fir(fir) => fir.entries().for_each(|(ssrc, _)| self.ask(now, ssrc)),
                Rtcp::SenderReport(info, _) => {
                    self.reported.insert(info.ssrc, ((info.ntp >> 16) as u32, now));
                }
                Rtcp::Transport(feedback) => {
                    self.feedback += usize::from(owner(feedback.media) == self.number);
                }
                _ => {}
            }
        }
    }

    /// Streams of which a sender report has come.
    pub fn reported(&self) -> usize {
        self.reported.len()
    }

    fn ask(&mut self, now: Instant, ssrc: u32) {
        self.asked.entry(ssrc).or_default().push(now);
        if let Some(camera) = &mut self.camera {
            camera.ask_keyframe(ssrc);
        }
    }

    fn send_again(&mut self, ssrc: u32, sequence: u16) {
        let Some(packet) = self.camera.as_ref().and_then(|camera| camera.again(ssrc, sequence)) else { return };
        let header = Header::parse(&packet.bytes).expect("ours");
        let extensions = Extensions::read(&packet.bytes, &header, &self.ids);
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        let index = self.rtx_sequences.entry(ssrc).or_default();
        let fields = Fields {
            marker: header.marker,
            payload_type: RTX,
            sequence: *index as u16,
            timestamp: header.timestamp,
            ssrc: ssrc + 4,
            has_padding: false,
        };
        let values = Extensions {
            mid: extensions.mid,
            repaired_rid: extensions.rid,
            transport_sequence: Some(self.transport_sequence),
            ..Extensions::default()
        };
        let mut bytes = vec![0; 1500];
        let header_len = write_header(&mut bytes, &fields, &values, &self.ids).expect("room");
        bytes.truncate(header_len);
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(&packet.bytes[packet.header_len..]);
        let roc = (*index >> 16) as u32;
        *index += 1;
        let again = Packet { bytes, header_len, roc };
        self.client.send_rtp(&again.bytes, again.header_len, again.roc);
    }
}

/// A member's wall clock: all agree, and begin with the world.
fn ntp_of(now: Instant) -> u64 {
    let since = now - crate::world::start();
    ((since.as_micros() as u64) << 32) / 1_000_000 + (3_900_000_000 << 32)
}
