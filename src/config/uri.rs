//! Owns which URIs and origins a setting takes, and the one way each is written.

/// Why a URI is refused, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UriError {
    #[error("Write a STUN URI, as \"stun:stun.example.org:3478\".")]
    Stun,
    #[error(
        "Write a TURN URI, as \"turn:turn.example.org:3478?transport=udp\" or \"turns:turn.example.org:5349?transport=tcp\"."
    )]
    Turn,
    #[error("These URIs have no slashes: write \"stun:host:port\" or \"turn:host:port\".")]
    Slashes,
    #[error("Credentials do not belong into the URI; they are made from turn.secret.")]
    Credentials,
    #[error("Write an origin, as \"https://meet.example.org\" or \"https://meet.example.org:8443\", without a path.")]
    Origin,
    #[error("Any origin would let every web page act for its visitors; name each origin.")]
    AnyOrigin,
    #[error("Write the address that people open, as \"https://meet.example.org\", without a path.")]
    PublicUrl,
}

/// Reads a STUN URI (RFC 7064).
pub(super) fn stun(text: &str) -> Result<String, UriError> {
    ice(text, ["stun", "stuns"], false).map_err(|error| error.unwrap_or(UriError::Stun))
}

/// Reads a TURN URI (RFC 7065).
pub(super) fn turn(text: &str) -> Result<String, UriError> {
    ice(text, ["turn", "turns"], true).map_err(|error| error.unwrap_or(UriError::Turn))
}

fn ice(text: &str, schemes: [&str; 2], transport: bool) -> Result<String, Option<UriError>> {
    let (scheme, rest) = text.split_once(':').ok_or(None)?;
    let scheme = scheme.to_ascii_lowercase();
    if !schemes.contains(&&*scheme) {
        return Err(None);
    }
    if rest.starts_with('/') {
        return Err(Some(UriError::Slashes));
    }
    if rest.contains('@') {
        return Err(Some(UriError::Credentials));
    }
    let (authority, query) = rest.split_once('?').map_or((rest, None), |(authority, query)| (authority, Some(query)));
    let known = match query {
        None => true,
        Some("transport=udp" | "transport=tcp") => transport,
        Some(_) => false,
    };
    let authority = read_authority(authority).filter(|_| known).ok_or(None)?;
    Ok(match query {
        Some(query) => format!("{scheme}:{authority}?{query}"),
        None => format!("{scheme}:{authority}"),
    })
}

/// Reads an origin (RFC 6454) as browsers write it: lowercase, without the scheme's own port.
pub(super) fn origin(text: &str) -> Result<String, UriError> {
    if text == "*" {
        return Err(UriError::AnyOrigin);
    }
    let (scheme, rest) = text.split_once("://").ok_or(UriError::Origin)?;
    let scheme = scheme.to_ascii_lowercase();
    let named = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    // A copied address ends with a slash more often than not.
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let authority = read_authority(rest).filter(|_| named).ok_or(UriError::Origin)?;
    let implied = match &*scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let authority = if implied.is_empty() { &*authority } else { authority.strip_suffix(implied).unwrap_or(&authority) };
    Ok(format!("{scheme}://{authority}"))
}

/// Reads the address under which people reach the server: an origin of http or https.
pub(super) fn public_url(text: &str) -> Result<String, UriError> {
    let origin = origin(text).map_err(|_| UriError::PublicUrl)?;
    if origin.starts_with("https://") || origin.starts_with("http://") { Ok(origin) } else { Err(UriError::PublicUrl) }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`, in lowercase.
fn read_authority(text: &str) -> Option<String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (format!("[{}]", address.to_ascii_lowercase()), rest)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let host = &text[..end];
            let fits = (1..=253).contains(&host.len())
                && host.split('.').all(|label| !label.is_empty() && label.len() <= 63)
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            (fits.then(|| host.to_ascii_lowercase())?, &text[end..])
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some(host),
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse::<u16>().ok()? {
            0 => None,
            port => Some(format!("{host}:{port}")),
        },
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ice_uris_are_those_of_their_rfc() {
        for good in ["stun:stun.example.org", "stuns:192.0.2.1:5349", "stun:[2001:db8::1]:3478"] {
            assert_eq!(stun(good), Ok(good.to_owned()));
        }
        for good in ["turn:turn.example.org", "turn:h:1?transport=udp", "turns:[::1]:5349?transport=tcp"] {
            assert_eq!(turn(good), Ok(good.to_owned()));
        }
        assert_eq!(turn("TURN:Turn.Example.org"), Ok("turn:turn.example.org".into()));
        assert_eq!(stun("stun://h"), Err(UriError::Slashes));
        assert_eq!(turn("turn:user:pass@h"), Err(UriError::Credentials));
        for bad in [
            "",
            "h:3478",
            "turn:h",
            "stun:",
            "stun:h:0",
            "stun:h:70000",
            "stun:h:x",
            "stun:h?transport=udp",
            "stun:[zz]",
            "stun:a b",
        ] {
            assert_eq!(stun(bad), Err(UriError::Stun), "{bad}");
        }
        for bad in ["stun:h", "turn:h?transport=sctp", "turn:h?x", "turn:h/", "turn:::1", "turn:[::1]x"] {
            assert_eq!(turn(bad), Err(UriError::Turn), "{bad}");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (given, written) in [
            ("https://Meet.Example.org", "https://meet.example.org"),
            ("https://meet.example.org:443/", "https://meet.example.org"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:8443", "http://localhost:8443"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(origin(given), Ok(written.to_owned()), "{given}");
        }
        assert_eq!(origin("*"), Err(UriError::AnyOrigin));
        for bad in ["", "meet.example.org", "null", "https://", "https://h/path", "https://u@h", "://h", "https://*.example.org"]
        {
            assert_eq!(origin(bad), Err(UriError::Origin), "{bad}");
        }
        assert_eq!(public_url("capacitor://localhost"), Err(UriError::PublicUrl));
    }
}
