//! Owns which pages may open a WebSocket: the server's own, and those that the operator lists.
//!
//! Browsers name the page in `Origin` (RFC 6454) and cannot be made to lie; other programs send none and are let in.

use hyper::header::{HOST, HeaderMap, ORIGIN};

/// The origins that are let in besides the one that the request was sent to.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    allowed: Vec<String>,
}

impl Origins {
    pub(super) fn new(public_url: Option<&str>, allowed: &[String]) -> Self {
        let all = public_url.into_iter().chain(allowed.iter().map(String::as_str));
        Self { allowed: all.map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect() }
    }

    /// Whether a request with these headers may open a WebSocket.
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
        let origin = origin.to_ascii_lowercase();
        if self.allowed.contains(&origin) {
            return true;
        }
        // The scheme is the proxy's business: behind one, the page is https and this request is not.
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return false,
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("").to_ascii_lowercase();
        let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_owned();
        !host.is_empty() && bare(authority) == bare(&host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(origins: &Origins, host: &str, origin: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a header value"));
        for origin in origin {
            headers.append(ORIGIN, origin.parse().expect("a header value"));
        }
        origins.allows(&headers)
    }

    #[test]
    fn the_own_origin_is_let_in_and_a_foreign_one_is_not() {
        let own = Origins::new(None, &[]);
        for (host, origin) in [
            ("meet.example", "https://meet.example"),
            ("meet.example", "https://MEET.example:443"),
            ("localhost:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            assert!(allows(&own, host, &[origin]), "{origin}");
        }
        assert!(allows(&own, "meet.example", &[]), "not a browser");
        for origin in
            ["https://evil.example", "https://meet.example.evil.example", "https://meet.example:8443", "null", "file://"]
        {
            assert!(!allows(&own, "meet.example", &[origin]), "{origin}");
        }
        assert!(!allows(&own, "meet.example", &["https://meet.example", "https://evil.example"]), "two of them");
    }

    #[test]
    fn listed_origins_are_let_in() {
        let listed = Origins::new(Some("https://meet.example/"), &["https://app.example:8443".into()]);
        assert!(allows(&listed, "10.0.0.1:8080", &["https://meet.example"]));
        assert!(allows(&listed, "meet.example", &["https://app.example:8443"]));
        assert!(!allows(&listed, "meet.example", &["https://app.example"]));
    }
}
