//! Owns which addresses browsers are told to send their media to, and to ask for their own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::config::Announce;
use crate::limits::ANNOUNCED_MAX;

/// The addresses to announce, without duplicates, at most [`ANNOUNCED_MAX`].
///
/// What the operator names replaces what is found; `auto` among it stands for what is found. Found is: the address listened on, or
/// for a wildcard the machine's addresses that another device may reach; loopback where there is no other.
pub fn addresses(listen: SocketAddr, announce: &[Announce], interfaces: &[(IpAddr, String)]) -> Vec<IpAddr> {
    let found = found(listen, interfaces);
    let auto = [Announce::Auto];
    let wanted = if announce.is_empty() { &auto[..] } else { announce };
    let mut all = Vec::new();
    for entry in wanted {
        match entry {
            Announce::Auto => all.extend_from_slice(&found),
            Announce::Address(ip) => all.push(*ip),
        }
    }
    let mut unique = Vec::new();
    for ip in all {
        if !unique.contains(&ip) && unique.len() < ANNOUNCED_MAX {
            unique.push(ip);
        }
    }
    unique
}

/// Most addresses of our own STUN service that browsers are told. Each is asked from each of a browser's own addresses, and Chromium
/// warns of five servers and more.
const STUN_URLS_MAX: usize = 2;

/// Where browsers may ask for their own address, of those that are announced: public addresses first, since they see what a NAT makes of
/// it. A loopback address would tell a browser nothing that it does not know.
pub fn stun_urls(announced: &[SocketAddr]) -> Vec<String> {
    let mut useful: Vec<&SocketAddr> = announced.iter().filter(|address| !address.ip().is_loopback()).collect();
    useful.sort_by_key(|address| is_private(address.ip()));
    useful.iter().take(STUN_URLS_MAX).map(|address| format!("stun:{address}")).collect()
}

/// Whether it is one of a network behind NAT, or of a site alone (RFC 1918, RFC 6598, RFC 4193).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64,
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

fn found(listen: SocketAddr, interfaces: &[(IpAddr, String)]) -> Vec<IpAddr> {
    let ip = listen.ip().to_canonical();
    if !ip.is_unspecified() {
        return vec![ip];
    }
    let found: Vec<IpAddr> = outward(interfaces).filter(|ip| ip.is_ipv4() || listen.is_ipv6()).collect();
    if found.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { found }
}

/// The machine's addresses that other devices may reach, in the system's order.
pub fn outward(interfaces: &[(IpAddr, String)]) -> impl Iterator<Item = IpAddr> {
    interfaces.iter().filter(|(ip, name)| !is_inward(name) && is_usable(*ip)).map(|(ip, _)| *ip)
}

/// Bridges for containers and virtual machines have addresses that no other device can reach.
fn is_inward(interface: &str) -> bool {
    ["docker", "br-", "veth", "virbr", "cni", "podman", "lxc"].iter().any(|start| interface.starts_with(start))
}

/// Whether a browser on another device may reach it. Link-local IPv6 needs a zone that a candidate cannot carry.
fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listen: &str, announce: &[Announce], interfaces: &[(&str, &str)]) -> Vec<String> {
        let interfaces: Vec<(IpAddr, String)> =
            interfaces.iter().map(|(name, ip)| (ip.parse().expect("an address"), (*name).to_owned())).collect();
        let all = addresses(listen.parse().expect("an address"), announce, &interfaces);
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn browsers_ask_at_most_two_public_addresses_first_and_never_a_loopback_one() {
        for (announced, urls) in [
            (&["127.0.0.1:8443", "[::1]:8443"][..], &[][..]),
            (&["192.168.1.5:8443", "[2a00:1::5]:8443"], &["stun:[2a00:1::5]:8443", "stun:192.168.1.5:8443"]),
            (&["100.64.0.9:1", "10.0.0.5:1", "203.0.113.7:1", "[fd00::1]:1"], &["stun:203.0.113.7:1", "stun:100.64.0.9:1"]),
            (&["203.0.113.7:1", "203.0.113.8:1", "203.0.113.9:1"], &["stun:203.0.113.7:1", "stun:203.0.113.8:1"]),
        ] {
            let announced: Vec<SocketAddr> = announced.iter().map(|text| text.parse().expect("an address")).collect();
            assert_eq!(stun_urls(&announced), urls, "{announced:?}");
        }
    }

    const HOME: [(&str, &str); 7] = [
        ("lo", "127.0.0.1"),
        ("lo", "::1"),
        ("docker0", "172.17.0.1"),
        ("eth0", "192.168.1.5"),
        ("eth0", "fe80::1"),
        ("eth0", "2a00:1::5"),
        ("wlan0", "169.254.3.4"),
    ];

    #[test]
    fn a_wildcard_announces_what_others_may_reach() {
        assert_eq!(told("[::]:8443", &[], &HOME), ["192.168.1.5", "2a00:1::5"]);
        assert_eq!(told("0.0.0.0:8443", &[], &HOME), ["192.168.1.5"]);
        assert_eq!(told("[::]:8443", &[], &HOME[..3]), ["127.0.0.1"], "nothing else");
    }

    #[test]
    fn one_address_announces_itself() {
        assert_eq!(told("127.0.0.1:0", &[], &HOME), ["127.0.0.1"]);
        assert_eq!(told("192.168.1.5:8443", &[], &HOME), ["192.168.1.5"]);
    }

    #[test]
    fn what_the_operator_names_replaces_or_adds() {
        let public = Announce::Address("203.0.113.7".parse().expect("an address"));
        assert_eq!(told("[::]:8443", &[public], &HOME), ["203.0.113.7"]);
        assert_eq!(told("0.0.0.0:8443", &[Announce::Auto, public, public], &HOME), ["192.168.1.5", "203.0.113.7"]);
        let many: Vec<Announce> = (0..100).map(|n| Announce::Address([10, 0, 0, n].into())).collect();
        assert_eq!(told("[::]:8443", &many, &HOME).len(), ANNOUNCED_MAX);
    }
}
