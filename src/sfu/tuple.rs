//! Owns the way to one end of a transport: protocol, our address, its address and port.

use std::net::{IpAddr, SocketAddr};

/// What carries a transport's datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP with the framing of RFC 4571; the other end has opened it (ICE-TCP passive, RFC 6544).
    Tcp,
}

/// A 5-tuple, without our port: all shards share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// What carries the datagrams.
    pub protocol: Protocol,
    /// The address of ours at which they arrive, and from which answers must leave.
    pub local: IpAddr,
    /// The other end.
    pub remote: SocketAddr,
}
