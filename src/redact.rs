//! Owns what may be printed of addresses, names and tokens: enough to tell two apart in one log, not enough to identify.

use std::fmt;
use std::net::IpAddr;

/// Prints an address without its host part: `203.0.113.x`, `2001:db8:1::x`. Loopback is printed whole.
pub struct Address(pub IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ip if ip.is_loopback() => write!(f, "{ip}"),
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                write!(f, "{a}.{b}.{c}.x")
            }
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(mapped) => Self(IpAddr::V4(mapped)).fmt(f),
                None => {
                    let [a, b, c, ..] = ip.segments();
                    write!(f, "{a:x}:{b:x}:{c:x}::x")
                }
            },
        }
    }
}

/// Prints a secret as its first four characters and nothing of its length: `Qx7f…`. Shorter than 16: nothing of it.
pub struct Secret<'a>(pub &'a str);

impl fmt::Display for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() >= 16 {
            f.write_str(self.0.get(..4).unwrap_or(""))?;
        }
        f.write_str("…")
    }
}

/// Prints a person's name as its first character: `L…`.
pub struct Name<'a>(pub &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for first in self.0.chars().take(1) {
            write!(f, "{first}")?;
        }
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_identifying_is_printed() {
        let address = |text: &str| Address(text.parse().expect("an address")).to_string();
        assert_eq!(address("203.0.113.77"), "203.0.113.x");
        assert_eq!(address("::ffff:203.0.113.77"), "203.0.113.x");
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), "2001:db8:1::x");
        assert_eq!(address("127.0.0.1"), "127.0.0.1");
        assert_eq!(Secret("Qx7fAAAAAAAAAAAAAAAA").to_string(), "Qx7f…");
        assert_eq!(Secret("short").to_string(), "…");
        assert_eq!(Name("李雷").to_string(), "李…");
    }
}
