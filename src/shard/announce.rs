//! Owns which addresses browsers are told to send their media to.

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

fn found(listen: SocketAddr, interfaces: &[(IpAddr, String)]) -> Vec<IpAddr> {
    let ip = listen.ip().to_canonical();
    if !ip.is_unspecified() {
        return vec![ip];
    }
    let outward = interfaces.iter().filter(|(_, name)| !is_inward(name)).map(|(ip, _)| *ip);
    let found: Vec<IpAddr> = outward.filter(|ip| is_usable(*ip) && (ip.is_ipv4() || listen.is_ipv6())).collect();
    if found.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { found }
}

/// Bridges for containers and virtual machines have addresses that no other device can reach.
pub fn is_inward(interface: &str) -> bool {
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
