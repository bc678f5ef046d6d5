//! Owns what the server prints when it has started: where to find it, and what other devices need.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::config::{Config, Tls};
use crate::http::tls::ServerTls;
use crate::shard::announce;

/// Everything that is said at start.
pub(super) struct Banner<'a> {
    pub(super) config: &'a Config,
    /// Where the server listens.
    pub(super) address: SocketAddr,
    /// Where media comes in; none: this server forwards none.
    pub(super) media: Option<SocketAddr>,
    /// The machine's addresses, each with the name of its interface, in the system's order.
    pub(super) interfaces: Vec<(IpAddr, String)>,
    pub(super) tls: Option<&'a ServerTls>,
    /// Whether and how the QR code is drawn.
    pub(super) qr: Option<Qr>,
}

/// How a QR code is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Qr {
    /// Black on white by terminal colours, whatever the terminal's own are.
    Coloured,
    /// Characters only, for light text on a dark ground.
    Plain,
}

impl Banner<'_> {
    fn url(&self, host: &str) -> String {
        let (scheme, implied) = if self.tls.is_some() { ("https", 443) } else { ("http", 80) };
        match self.address.port() {
            port if port == implied => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        }
    }

    fn local_url(&self) -> String {
        let ip = self.address.ip();
        if ip.is_unspecified() || ip.is_loopback() { self.url("localhost") } else { self.url(&host(ip)) }
    }

    /// For other devices: what the operator says, or an address that they may reach.
    fn shared_url(&self) -> Option<String> {
        if let Some(url) = &self.config.http.public_url {
            return Some(url.clone());
        }
        match self.address.ip() {
            ip if ip.is_loopback() => None,
            ip if ip.is_unspecified() => lan_address(&self.interfaces, ip.is_ipv6()).map(|ip| self.url(&host(ip))),
            ip => Some(self.url(&host(ip))),
        }
    }

    /// What the media port needs so that others reach it.
    fn media_hint(media: SocketAddr) -> &'static str {
        if media.ip().is_loopback() { ", for this machine only" } else { "; open both in the firewall" }
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  visavis {}\n", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  On this machine    {}", self.local_url())?;
        let shared = self.shared_url();
        match &shared {
            Some(url) => writeln!(f, "  On other devices   {url}")?,
            None => {
                writeln!(f, "  On other devices   not reachable; listen on every address with --listen :{}", self.address.port())?
            }
        }
        if let Some(media) = self.media {
            writeln!(f, "  Media              UDP and TCP port {}{}", media.port(), Self::media_hint(media))?;
        }
        if let (Some(url), Some(qr)) = (&shared, self.qr) {
            writeln!(f, "\n{}", draw(url, qr))?;
        }
        match (&self.config.tls, self.tls) {
            (Tls::SelfSigned, Some(tls)) => writeln!(
                f,
                "\n  The certificate was made for this start, so browsers warn of it once. Its SHA-256 fingerprint:\n  {}",
                tls.fingerprint
            )?,
            (Tls::Off, _) if shared.as_deref().is_some_and(|url| url.starts_with("http://")) => writeln!(
                f,
                "\n  Browsers on other devices use camera and microphone over HTTPS only: start with --tls self-signed."
            )?,
            _ => {}
        }
        writeln!(f)
    }
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// An address by which other devices may reach this machine: a private IPv4 one before a global one, before IPv6.
fn lan_address(interfaces: &[(IpAddr, String)], v6: bool) -> Option<IpAddr> {
    let v4 = || announce::outward(interfaces).filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None });
    let found = v4().find(Ipv4Addr::is_private).or_else(|| v4().next()).map(IpAddr::V4);
    found.or_else(|| announce::outward(interfaces).find(|ip| v6 && ip.is_ipv6()))
}

/// Draws `url` with two rows of modules in each line of text.
fn draw(url: &str, qr: Qr) -> String {
    let Ok(code) = QrCode::new(url) else { return String::new() };
    // Ink is what is light: the ground of a terminal is taken for, or made, black.
    let picture = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    let line = |line: &str| match qr {
        Qr::Coloured => format!("  \x1b[40;97m{line}\x1b[0m"),
        Qr::Plain => format!("  {line}"),
    };
    picture.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces(all: &[(&str, &str)]) -> Vec<(IpAddr, String)> {
        all.iter().map(|(name, ip)| (ip.parse().expect("an address"), (*name).to_owned())).collect()
    }

    fn banner(config: &Config, address: &str, qr: Option<Qr>) -> String {
        let interfaces = interfaces(&[("lo", "127.0.0.1"), ("docker0", "172.17.0.1"), ("eth0", "192.168.1.5")]);
        let address: SocketAddr = address.parse().expect("an address");
        let media = config.sfu.enabled.then(|| SocketAddr::new(address.ip(), 8443));
        Banner { config, address, media, interfaces, tls: None, qr }.to_string()
    }

    #[test]
    fn the_address_for_other_devices_is_one_that_they_can_reach() {
        for (all, v6, found) in [
            (&[("lo", "127.0.0.1"), ("docker0", "172.17.0.1"), ("wlan0", "192.168.1.5")][..], true, Some("192.168.1.5")),
            (&[("eth0", "203.0.113.7"), ("eth1", "10.0.0.7")], true, Some("10.0.0.7")),
            (&[("eth0", "169.254.1.1"), ("eth1", "203.0.113.7")], true, Some("203.0.113.7")),
            (&[("eth0", "fe80::1"), ("eth0", "2001:db8::7")], true, Some("2001:db8::7")),
            (&[("eth0", "2001:db8::7")], false, None),
            (&[("lo", "127.0.0.1"), ("lo", "::1")], true, None),
        ] {
            assert_eq!(lan_address(&interfaces(all), v6), found.map(|ip| ip.parse().expect("an address")), "{all:?}");
        }
    }

    #[test]
    fn it_says_where_the_server_is_and_that_other_devices_need_https() {
        let text = banner(&Config::default(), "[::]:8080", None);
        assert!(text.contains("On this machine    http://localhost:8080\n"), "{text}");
        assert!(text.contains("On other devices   http://192.168.1.5:8080\n"), "{text}");
        assert!(text.contains("--tls self-signed") && !text.contains('█'), "{text}");

        let text = banner(&Config::default(), "127.0.0.1:8080", Some(Qr::Plain));
        assert!(text.contains("not reachable") && !text.contains('█') && !text.contains("--tls"), "{text}");

        let mut config = Config::default();
        config.http.public_url = Some("https://meet.example.org".into());
        let text = banner(&config, "127.0.0.1:8080", None);
        assert!(text.contains("On other devices   https://meet.example.org\n") && !text.contains("--tls"), "{text}");
    }

    #[test]
    fn it_says_where_media_comes_in_and_what_the_firewall_has_to_let_through() {
        let text = banner(&Config::default(), "[::]:8080", None);
        assert!(text.contains("Media              UDP and TCP port 8443; open both in the firewall\n"), "{text}");
        let text = banner(&Config::default(), "127.0.0.1:8080", None);
        assert!(text.contains("Media              UDP and TCP port 8443, for this machine only\n"), "{text}");
        let mut config = Config::default();
        config.sfu.enabled = false;
        let text = banner(&config, "[::]:8080", None);
        assert!(!text.contains("Media"), "{text}");
    }

    #[test]
    fn the_qr_code_has_its_quiet_zone_and_even_lines() {
        let url = "http://192.168.1.5:8080";
        let lines: Vec<String> = draw(url, Qr::Plain).lines().map(|line| line.trim_start_matches("  ").to_owned()).collect();
        let width = QrCode::new(url).expect("short").width() + 8;
        assert!(lines.iter().all(|line| line.chars().count() == width), "{lines:#?}");
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines[0].chars().all(|c| c == '█'), "light is ink");
        assert!(draw(url, Qr::Coloured).lines().all(|line| line.ends_with("\x1b[0m")));
    }
}
