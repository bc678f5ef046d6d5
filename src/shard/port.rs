//! Owns opening the media port: one number, a UDP socket for each shard, and a TCP listener that they share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::limits::LISTEN_BACKLOG;

/// Bytes that the kernel may hold of what a socket receives, and sends. It gives what `net.core.rmem_max` and `wmem_max` allow.
const BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// Free ports that are tried until one is free for UDP and TCP both.
const FREE_PORT_TRIES: usize = 32;

/// Why the media port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another program has it.
    #[error("The media port {} is in use ({protocol}). Stop the other program, or choose another port with --sfu-listen.", address.port())]
    InUse {
        /// Where.
        address: SocketAddr,
        /// `UDP` or `TCP`.
        protocol: &'static str,
    },
    /// The system says no.
    #[error("Cannot open the media port {address} ({protocol}): {source}. Choose another address with --sfu-listen.")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// The system's own words.
        source: io::Error,
    },
}

/// The sockets of the media port.
#[derive(Debug)]
pub struct Port {
    /// Where they are.
    pub address: SocketAddr,
    /// One for each shard; the kernel spreads what arrives by the sender's address and port.
    pub udp: Vec<Socket>,
    /// For all.
    pub tcp: TcpListener,
}

impl Port {
    /// Opens `address` for this many shards; port 0 takes one that is free for UDP and TCP. An IPv6 wildcard takes IPv4 too, or
    /// stands for the IPv4 one where there is no IPv6.
    ///
    /// # Errors
    /// When the port is taken or may not be used.
    pub fn open(address: SocketAddr, shards: u8) -> Result<Self, PortError> {
        match Self::open_exactly(address, shards) {
            Err(PortError::Refused { .. }) if address.ip().is_unspecified() && address.is_ipv6() => {
                Self::open_exactly((Ipv4Addr::UNSPECIFIED, address.port()).into(), shards)
            }
            outcome => outcome,
        }
    }

    fn open_exactly(address: SocketAddr, shards: u8) -> Result<Self, PortError> {
        let mut tries = if address.port() == 0 { FREE_PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            match Self::open_once(address, shards) {
                Err(PortError::InUse { .. }) if tries > 0 => {}
                outcome => return outcome,
            }
        }
    }

    fn open_once(wanted: SocketAddr, shards: u8) -> Result<Self, PortError> {
        let refused = |address: SocketAddr, protocol| {
            move |source: io::Error| match source.kind() {
                io::ErrorKind::AddrInUse => PortError::InUse { address, protocol },
                _ => PortError::Refused { address, protocol, source },
            }
        };
        let first = first_udp(wanted).map_err(refused(wanted, "UDP"))?;
        let address = first.local_addr().ok().and_then(|address| address.as_socket()).unwrap_or(wanted);
        let mut udp = vec![first];
        for _ in 1..shards {
            udp.push(further_udp(address).map_err(refused(address, "UDP"))?);
        }
        let tcp = listen_tcp(address).map_err(refused(address, "TCP"))?;
        Ok(Self { address, udp, tcp })
    }
}

/// Bound without sharing, so that a port which another server of ours has is refused and not shared with it; then shared.
fn first_udp(address: SocketAddr) -> io::Result<Socket> {
    let socket = udp_socket(address)?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

fn further_udp(address: SocketAddr) -> io::Result<Socket> {
    let socket = udp_socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn udp_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    socket.set_send_buffer_size(BUFFER_BYTES)?;
    Ok(socket)
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?; // connections of a server that has just ended are not in the way
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG as i32)?;
    Ok(socket.into())
}

impl Port {
    /// Bytes that the kernel really holds for a socket, receiving; it grants what `net.core.rmem_max` allows.
    pub fn receive_buffer(&self) -> usize {
        // Linux doubles what it was asked for, to count its own overhead.
        self.udp.first().and_then(|socket| SockRef::from(socket).recv_buffer_size().ok()).map_or(0, |bytes| bytes / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    #[test]
    fn all_shards_and_tcp_share_one_number() {
        let port = Port::open(loopback(), 3).expect("a free port");
        assert_ne!(port.address.port(), 0);
        for socket in &port.udp {
            assert_eq!(socket.local_addr().ok().and_then(|address| address.as_socket()), Some(port.address));
        }
        assert_eq!(port.tcp.local_addr().ok(), Some(port.address));
        assert!(port.receive_buffer() > 64 * 1024);
    }

    #[test]
    fn a_port_of_another_server_is_refused_with_what_to_do() {
        let port = Port::open(loopback(), 2).expect("a free port");
        let error = Port::open(port.address, 2).expect_err("it is taken").to_string();
        assert!(error.contains(&port.address.port().to_string()) && error.contains("--sfu-listen"), "{error}");
        let tcp = TcpListener::bind(loopback()).expect("a free port");
        let error = Port::open(tcp.local_addr().expect("bound"), 1).expect_err("it is taken").to_string();
        assert!(error.contains("TCP") && error.contains("in use"), "{error}");
    }
}
