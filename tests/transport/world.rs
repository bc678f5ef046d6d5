//! Owns a transport and its client on one virtual clock, and the wire between them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use visavis::sfu::{Credentials, Identity, Transport, TransportEvent, Tuple};

use crate::client::{Check, Client, check, credentials, tuple};

/// One certificate for all, as in a process.
pub fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    IDENTITY.get_or_init(|| Arc::new(Identity::generate().expect("randomness"))).clone()
}

/// The beginning of time.
pub fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

pub struct World {
    pub transport: Transport,
    pub client: Client,
    pub ours: Credentials,
    pub now: Instant,
    /// The way that the client uses.
    pub tuple: Tuple,
    pub events: Vec<TransportEvent>,
    /// STUN messages for the client, with their way.
    pub answers: Vec<(Tuple, Bytes)>,
    /// Whether the datagram with this number, from either end, gets lost.
    pub is_lost: fn(u32) -> bool,
    /// Every datagram of DTLS towards the server.
    pub seen: Vec<Bytes>,
    sent: u32,
}

impl World {
    pub fn new(client: Client) -> Self {
        let remote = client.remote();
        Self::with_remote(client, remote)
    }

    pub fn with_remote(client: Client, remote: visavis::sfu::Remote) -> Self {
        let (ours, now) = (credentials(0), start());
        let transport = Transport::new(identity(), ours.clone(), remote, now);
        Self {
            transport,
            client,
            ours,
            now,
            tuple: tuple(1000),
            events: Vec::new(),
            answers: Vec::new(),
            is_lost: |_| false,
            seen: Vec::new(),
            sent: 0,
        }
    }

    /// A client that has connected, with nothing left to say.
    pub fn connected(client: Client) -> Self {
        let mut world = Self::new(client);
        world.check(world.tuple, Check::Nominating);
        world.client.connect(world.now);
        world.run();
        assert!(world.transport.sender_mut().is_some(), "{:?}", world.events);
        world
    }

    pub fn check(&mut self, tuple: Tuple, kind: Check) {
        let request = check(&self.ours, self.client.ufrag, kind);
        self.transport.handle_stun(self.now, &request, tuple).expect("a proved check");
        self.collect();
    }

    /// Takes what the transport has for us; datagrams for the client are handed over.
    pub fn collect(&mut self) -> bool {
        let mut has_moved = false;
        while let Some((tuple, datagram)) = self.transport.poll_transmit() {
            if datagram[0] < 4 {
                self.answers.push((tuple, datagram));
            } else if !self.loses() {
                assert_eq!(Some(tuple), self.transport.selected(), "media and DTLS go the selected way");
                self.client.handle(self.now, &datagram);
                has_moved = true;
            }
        }
        while let Some(event) = self.transport.poll_event() {
            self.events.push(event);
        }
        has_moved
    }

    /// Loses datagrams, counted from now on.
    pub fn restart_losing(&mut self, is_lost: fn(u32) -> bool) {
        (self.is_lost, self.sent) = (is_lost, 0);
    }

    fn loses(&mut self) -> bool {
        self.sent += 1;
        (self.is_lost)(self.sent)
    }

    /// Hands datagrams to and fro until there are none.
    pub fn run(&mut self) {
        let mut has_moved = true;
        while has_moved {
            has_moved = self.collect();
            while let Some(datagram) = self.client.poll_transmit(self.now) {
                self.seen.push(datagram.clone());
                if !self.loses() {
                    let _ = self.transport.handle_dtls(self.now, &datagram, self.tuple);
                    has_moved = true;
                }
            }
        }
    }

    /// Lets time pass, with all timers, and with checks when `checks`.
    pub fn pass(&mut self, duration: Duration, checks: bool) {
        let until = self.now + duration;
        let mut next_check = self.now + Duration::from_secs(5);
        loop {
            let timers = [self.transport.poll_timeout(), self.client.poll_timeout(), checks.then_some(next_check)];
            let next = timers.into_iter().flatten().min().filter(|next| *next <= until);
            self.now = next.unwrap_or(until).max(self.now);
            if checks && self.now >= next_check {
                next_check += Duration::from_secs(5);
                let request = check(&self.ours, self.client.ufrag, Check::Nominating);
                // Refused once the transport has failed.
                let _ = self.transport.handle_stun(self.now, &request, self.tuple);
            }
            self.transport.handle_timeout(self.now);
            self.client.handle_timeout(self.now);
            self.run();
            if next.is_none() {
                return;
            }
        }
    }

    pub fn take_events(&mut self) -> Vec<TransportEvent> {
        self.collect();
        std::mem::take(&mut self.events)
    }
}
