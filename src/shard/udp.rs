//! Owns a shard's UDP socket: batches of datagrams in (recvmmsg, GRO) and out (sendmmsg, GSO), each with our own address.
//!
//! The only file with system calls of its own; everything `unsafe` of the shard is here.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::{mem, ptr};

use libc::{c_int, c_void, cmsghdr, iovec, mmsghdr, msghdr, sockaddr_storage};
use socket2::SockAddr;

use crate::limits::{DATAGRAM_BYTES_MAX, UDP_ROUTES_WITHOUT_GSO_MAX};
use crate::sfu::{Outbound, Protocol, Run, Tuple};

/// Messages of one system call, in and out. With GRO each may hold many datagrams.
const BATCH: usize = 32;

/// Bytes of one received message: what GRO may join at most.
const MESSAGE_BYTES: usize = 64 * 1024;

/// What stands beside a message: our address, and the size of its segments.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 128]);

/// What was received and sent, and what was not. Counters; none ever goes down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// System calls that received something.
    pub batches_in: u64,
    /// Datagrams dropped because they were longer than [`DATAGRAM_BYTES_MAX`].
    pub oversize: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// System calls that sent something.
    pub batches_out: u64,
    /// Datagrams dropped because the socket's buffer or the device's queue was full (EAGAIN, ENOBUFS).
    pub full: u64,
    /// Datagrams that the system refused to send: no route, not allowed, too long for the path.
    pub refused: u64,
    /// Runs that went out as single datagrams because the system refused to segment them.
    pub gso_fallbacks: u64,
}

/// What one call of [`Udp::receive`] brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Datagrams, those that were too long included.
    pub datagrams: usize,
    /// The batch was full: there may be more.
    pub is_full: bool,
}

/// A UDP socket, one of those that share a port.
pub struct Udp {
    fd: OwnedFd,
    is_v6: bool,
    /// Whether runs are sent as runs; false for good once the system says that it cannot.
    segments: bool,
    /// Destinations whose route refuses runs that others take.
    without_gso: HashSet<IpAddr>,
    counters: UdpCounters,
    inbox: Box<[u8]>,
    names: Box<[sockaddr_storage; BATCH]>,
    controls: Box<[Control; BATCH]>,
    iovecs: Box<[iovec; BATCH]>,
    messages: Box<[mmsghdr; BATCH]>,
    destinations: Vec<SockAddr>,
    /// The run of each message that is to be sent, by its place in the [`Outbound`].
    prepared: [usize; BATCH],
    /// What the system answers instead to a message that is a run.
    #[cfg(test)]
    injected: Option<c_int>,
    #[cfg(test)]
    is_run: bool,
}

// SAFETY: the raw pointers within `iovecs` and `messages` are set anew before each system call and never read after it, so that
// the value may move to another thread between calls.
unsafe impl Send for Udp {}

impl Udp {
    /// Takes a bound, non-blocking UDP socket; asks the system for our own address of each datagram, and for GRO where it has it.
    ///
    /// # Errors
    /// When the system does not tell our own address.
    pub fn new(socket: socket2::Socket) -> io::Result<Self> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        let fd: OwnedFd = socket.into();
        match is_v6 {
            true => set_option(fd.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?,
            false => set_option(fd.as_raw_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO)?,
        }
        if let Err(error) = set_option(fd.as_raw_fd(), libc::SOL_UDP, libc::UDP_GRO) {
            tracing::debug!(%error, "no GRO");
        }
        // SAFETY: all of these are plain C structures, for which all bytes zero is a valid value.
        let (name, iovec, message): (sockaddr_storage, iovec, mmsghdr) = unsafe { mem::zeroed() };
        Ok(Self {
            fd,
            is_v6,
            segments: true,
            without_gso: HashSet::new(),
            counters: UdpCounters::default(),
            inbox: vec![0; BATCH * MESSAGE_BYTES].into(),
            names: Box::new([name; BATCH]),
            controls: Box::new([Control([0; 128]); BATCH]),
            iovecs: Box::new([iovec; BATCH]),
            messages: Box::new([message; BATCH]),
            destinations: Vec::with_capacity(BATCH),
            prepared: [0; BATCH],
            #[cfg(test)]
            injected: None,
            #[cfg(test)]
            is_run: false,
        })
    }

    /// The descriptor, to wait for.
    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// What it has counted.
    pub fn counters(&self) -> UdpCounters {
        self.counters
    }

    /// Whether runs are still sent as runs.
    pub fn segments(&self) -> bool {
        self.segments
    }

    /// Receives one batch, without waiting, and gives each datagram to `take`. Those that are longer than
    /// [`DATAGRAM_BYTES_MAX`] are dropped and counted.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; otherwise what the system says.
    pub fn receive(&mut self, mut take: impl FnMut(Tuple, &mut [u8])) -> io::Result<Received> {
        let count = self.receive_batch()?;
        let mut received = Received { datagrams: 0, is_full: count == BATCH };
        self.counters.batches_in += 1;
        for at in 0..count {
            let message = &self.messages[at];
            let len = (message.msg_len as usize).min(MESSAGE_BYTES);
            let beside = read_control(&message.msg_hdr);
            let is_cut = message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let remote = read_name(&self.names[at]);
            let bytes = &mut self.inbox[at * MESSAGE_BYTES..][..len];
            let segment = beside.segment.filter(|segment| *segment > 0).unwrap_or(len.max(1));
            let (Some(remote), false) = (remote, is_cut) else {
                received.datagrams += 1;
                self.counters.oversize += 1;
                continue;
            };
            let local = beside.local.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            let tuple = Tuple { protocol: Protocol::Udp, local: local.to_canonical(), remote: canonical(remote) };
            for datagram in bytes.chunks_mut(segment) {
                received.datagrams += 1;
                self.counters.datagrams_in += 1;
                self.counters.bytes_in += datagram.len() as u64;
                if datagram.len() <= DATAGRAM_BYTES_MAX { take(tuple, datagram) } else { self.counters.oversize += 1 }
            }
        }
        Ok(received)
    }

    fn receive_batch(&mut self) -> io::Result<usize> {
        for at in 0..BATCH {
            let bytes = &mut self.inbox[at * MESSAGE_BYTES..][..MESSAGE_BYTES];
            self.iovecs[at] = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: MESSAGE_BYTES };
            let header = &mut self.messages[at].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[at]).cast();
            header.msg_namelen = mem::size_of::<sockaddr_storage>() as u32;
            header.msg_iov = &mut self.iovecs[at];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[at].0.as_mut_ptr().cast();
            header.msg_controllen = mem::size_of::<Control>() as _;
            header.msg_flags = 0;
        }
        loop {
            // SAFETY: every message points to a name, an iovec, a buffer and a control block of its own, with their true lengths,
            // all of which live as long as `self`, which is borrowed until the call returns.
            let count = unsafe {
                libc::recvmmsg(
                    self.fd.as_raw_fd(),
                    self.messages.as_mut_ptr(),
                    BATCH as u32,
                    libc::MSG_DONTWAIT as _,
                    ptr::null_mut(),
                )
            };
            match usize::try_from(count) {
                Ok(count) => return Ok(count),
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
    }

    /// Sends the UDP runs, without waiting; the others are left to whom they concern.
    ///
    /// Where the socket's buffer is full (EAGAIN) this run and all after it are dropped; where a device's queue is (ENOBUFS), or
    /// the system refuses, only this run. All is counted: media that is late is worth less than what comes next, and what must
    /// arrive is sent again by those who sent it.
    pub fn send(&mut self, outbound: &Outbound) {
        let runs = outbound.runs();
        let mut next = 0;
        while let Some(run) = runs.get(next) {
            if run.tuple.protocol != Protocol::Udp {
                next += 1;
            } else if !self.takes(run) {
                self.send_singly(outbound, run);
                next += 1;
            } else {
                let count = self.prepare(outbound, next);
                match self.send_batch(count) {
                    Ok(sent) => {
                        self.counters.batches_out += 1;
                        for at in 0..sent {
                            next = self.prepared[at] + 1;
                            self.count_sent(runs[self.prepared[at]].count, runs[self.prepared[at]].len);
                        }
                    }
                    Err(error) => {
                        next += 1;
                        if !self.after_refusal(outbound, run, &error) {
                            let left = runs[next..].iter().filter(|run| run.tuple.protocol == Protocol::Udp);
                            self.counters.full += left.map(|run| run.count as u64).sum::<u64>();
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Whether a run can be one message.
    fn takes(&self, run: &Run) -> bool {
        run.count == 1 || (self.segments && !self.without_gso.contains(&run.tuple.remote.ip()))
    }

    /// Makes messages of the runs from `from` on, and says how many; the order of all is kept.
    fn prepare(&mut self, outbound: &Outbound, from: usize) -> usize {
        let mut count = 0;
        for (at, run) in outbound.runs().iter().enumerate().skip(from) {
            if run.tuple.protocol != Protocol::Udp {
                continue;
            }
            if count == BATCH || !self.takes(run) {
                break;
            }
            self.message(count, run.tuple, outbound.bytes_of(run), run);
            self.prepared[count] = at;
            count += 1;
        }
        count
    }

    /// Puts one message together. `bytes` must live until it is sent.
    fn message(&mut self, at: usize, tuple: Tuple, bytes: &[u8], run: &Run) {
        self.destinations.truncate(at);
        self.destinations.push(self.destination(tuple.remote));
        let segment = (run.count > 1).then_some(run.segment as u16);
        #[cfg(test)]
        if at == 0 {
            self.is_run = segment.is_some();
        }
        let used = write_control(&mut self.controls[at], self.is_v6, tuple.local, segment);
        // The system only reads what it is to send.
        self.iovecs[at] = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let header = &mut self.messages[at].msg_hdr;
        header.msg_iov = &mut self.iovecs[at];
        header.msg_iovlen = 1;
        header.msg_control = if used == 0 { ptr::null_mut() } else { self.controls[at].0.as_mut_ptr().cast() };
        header.msg_controllen = used as _;
        header.msg_flags = 0;
        header.msg_namelen = self.destinations[at].len();
        header.msg_name = self.destinations[at].as_ptr().cast_mut().cast();
    }

    /// As the socket's family wants it.
    fn destination(&self, remote: SocketAddr) -> SockAddr {
        match remote {
            SocketAddr::V4(v4) if self.is_v6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()).into(),
            other => other.into(),
        }
    }

    /// Sends the first `count` messages, and says how many went: at least one.
    fn send_batch(&mut self, count: usize) -> io::Result<usize> {
        #[cfg(test)]
        if let Some(code) = self.injected.filter(|_| self.is_run) {
            return Err(io::Error::from_raw_os_error(code));
        }
        loop {
            // SAFETY: each of these messages points to a destination, a control block and an iovec of `self`, and to bytes of an
            // `Outbound` that the caller borrows until this returns; all with their true lengths.
            let sent = unsafe {
                libc::sendmmsg(self.fd.as_raw_fd(), self.messages.as_mut_ptr(), count.min(BATCH) as u32, libc::MSG_DONTWAIT as _)
            };
            match usize::try_from(sent) {
                Ok(sent) => return Ok(sent),
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
    }

    fn send_singly(&mut self, outbound: &Outbound, run: &Run) {
        self.counters.gso_fallbacks += 1;
        for bytes in outbound.bytes_of(run).chunks(run.segment) {
            self.message(0, run.tuple, bytes, &Run { count: 1, ..*run });
            match self.send_batch(1) {
                Ok(_) => {
                    self.counters.batches_out += 1;
                    self.count_sent(1, bytes.len());
                }
                Err(error) if is_full(&error) => self.counters.full += 1,
                Err(_) => self.counters.refused += 1,
            }
        }
    }

    /// Deals with a run that the system refused; false when the rest is to be dropped.
    fn after_refusal(&mut self, outbound: &Outbound, run: &Run, error: &io::Error) -> bool {
        let datagrams = run.count as u64;
        match error.raw_os_error() {
            Some(libc::EAGAIN) => {
                self.counters.full += datagrams;
                return false;
            }
            Some(libc::ENOBUFS | libc::ENOMEM) => self.counters.full += datagrams,
            // The device cannot compute checksums, or the system does not know the option: so it stays.
            Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT) if run.count > 1 => {
                if mem::take(&mut self.segments) {
                    tracing::warn!(%error, "the system refuses UDP segmentation (GSO): datagrams go one by one, at a higher cost");
                }
                self.send_singly(outbound, run);
            }
            // A segment does not fit the path.
            Some(libc::EINVAL | libc::EMSGSIZE) if run.count > 1 => {
                if self.without_gso.len() >= UDP_ROUTES_WITHOUT_GSO_MAX {
                    self.without_gso.clear();
                }
                self.without_gso.insert(run.tuple.remote.ip());
                self.send_singly(outbound, run);
            }
            _ => {
                self.counters.refused += datagrams;
                tracing::trace!(%error, "datagrams refused");
            }
        }
        true
    }

    fn count_sent(&mut self, datagrams: usize, bytes: usize) {
        self.counters.datagrams_out += datagrams as u64;
        self.counters.bytes_out += bytes as u64;
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM))
}

/// An IPv4 address as such, also where an IPv6 socket shows it as a mapped one.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

fn set_option(fd: RawFd, level: c_int, name: c_int) -> io::Result<()> {
    let on: c_int = 1;
    // SAFETY: the value is a `c_int`, and its length is said.
    let outcome = unsafe {
        libc::setsockopt(fd, level, name, ptr::from_ref(&on).cast::<c_void>(), mem::size_of::<c_int>() as libc::socklen_t)
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads who sent a message.
fn read_name(name: &sockaddr_storage) -> Option<SocketAddr> {
    match c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the storage is large enough for every kind of address, and the system says that it is of this one.
            let v4 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            Some((Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes()), u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let (ip, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port));
            Some(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Beside {
    local: Option<IpAddr>,
    segment: Option<usize>,
}

/// Reads what the system says beside a message.
fn read_control(header: &msghdr) -> Beside {
    let mut beside = Beside::default();
    // SAFETY: the system has just filled in the control block and its length; the macros stay within it, and each value is read
    // as what its level and type say it is, where it is long enough.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while let Some(control) = next.as_ref() {
            let len = control.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
            let value = libc::CMSG_DATA(control);
            match (control.cmsg_level, control.cmsg_type) {
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if len >= mem::size_of::<libc::in6_pktinfo>() => {
                    let info: libc::in6_pktinfo = ptr::read_unaligned(value.cast());
                    beside.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) if len >= mem::size_of::<libc::in_pktinfo>() => {
                    let info: libc::in_pktinfo = ptr::read_unaligned(value.cast());
                    beside.local = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into());
                }
                (libc::SOL_UDP, libc::UDP_GRO) if len >= mem::size_of::<c_int>() => {
                    let segment: c_int = ptr::read_unaligned(value.cast());
                    beside.segment = usize::try_from(segment).ok();
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(header, control);
        }
    }
    beside
}

/// Bytes of a control message with a value of this size.
const fn space(size: usize) -> usize {
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_SPACE(size as u32) as usize }
}

/// Writes what the system is to know beside a message; answers with its length.
fn write_control(control: &mut Control, is_v6: bool, local: IpAddr, segment: Option<u16>) -> usize {
    let mut used = 0;
    match local {
        _ if local.is_unspecified() => {}
        IpAddr::V4(v4) if !is_v6 => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(v4.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            used += push_control(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(_) if !is_v6 => {}
        ip => {
            let v6 = match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: v6.octets() }, ipi6_ifindex: 0 };
            used += push_control(control, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
    if let Some(segment) = segment {
        used += push_control(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
    }
    used
}

fn push_control<T: Copy>(control: &mut Control, at: usize, level: c_int, kind: c_int, value: T) -> usize {
    let size = space(mem::size_of::<T>());
    let room = &mut control.0[at..at + size];
    // SAFETY: `room` is as long as the header and the value with their padding; writes are unaligned, and what is written is plain.
    unsafe {
        let mut header: cmsghdr = mem::zeroed();
        header.cmsg_len = libc::CMSG_LEN(mem::size_of::<T>() as u32) as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        ptr::write_unaligned(room.as_mut_ptr().cast(), header);
        ptr::write_unaligned(room.as_mut_ptr().add(libc::CMSG_LEN(0) as usize).cast(), value);
    }
    size
}

#[cfg(test)]
mod tests;
