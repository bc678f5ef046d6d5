//! Owns the page: the files of `web/dist` inside the binary, each with its type, its tag and its compressed form.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use rust_embed::RustEmbed;
use warp::http::{Response, StatusCode};

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Embedded;

/// What the page may do: nothing but what it brings along, and talk to the server that it came from.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Which features of the browser the page uses.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), geolocation=(self), \
                           screen-wake-lock=(self), autoplay=(self), fullscreen=(self), picture-in-picture=(self)";

const NOT_BUILT: &str =
    "<!doctype html><title>visavis</title><p>This binary was built without the page. Run <code>make build</code>.";

struct File {
    content_type: String,
    etag: String,
    plain: Bytes,
    /// Absent where it would save less than a tenth.
    gzip: Option<Bytes>,
    /// Its name changes with its content.
    immutable: bool,
}

/// All files of the page, ready to be sent.
pub(super) struct Page {
    files: HashMap<String, File>,
}

impl Page {
    /// Unpacks and compresses the files once, for all requests to come.
    pub(super) fn load() -> Self {
        let mut files: HashMap<_, _> = Embedded::iter()
            .filter_map(|path| Some((path.to_string(), File::new(&path, Embedded::get(&path)?.data.into_owned().into()))))
            .collect();
        files.entry("index.html".into()).or_insert_with(|| File::new("index.html", Bytes::from_static(NOT_BUILT.as_bytes())));
        Self { files }
    }

    /// The page itself, which finds the room in its own address.
    pub(super) fn index(&self, request: &HeaderMap) -> Response<Bytes> {
        self.file("index.html", request).unwrap_or_default()
    }

    /// One of its files, or none.
    pub(super) fn file(&self, path: &str, request: &HeaderMap) -> Option<Response<Bytes>> {
        Some(self.files.get(path)?.respond(request))
    }
}

impl File {
    fn new(path: &str, plain: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        plain.hash(&mut hasher);
        let gzip = compress(&plain).filter(|gzip| gzip.len() < plain.len() / 10 * 9);
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let is_text = mime.type_() == "text" || matches!(mime.subtype().as_str(), "javascript" | "json" | "manifest+json");
        Self {
            content_type: if is_text { format!("{mime}; charset=utf-8") } else { mime.to_string() },
            etag: format!("\"{:016x}\"", hasher.finish()),
            plain,
            gzip,
            immutable: path.starts_with("assets/"),
        }
    }

    fn respond(&self, request: &HeaderMap) -> Response<Bytes> {
        let cache = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        let response = Response::builder()
            .header(CONTENT_TYPE, &self.content_type)
            .header(CACHE_CONTROL, cache)
            .header(ETAG, &self.etag)
            .header(VARY, "accept-encoding")
            .header(CONTENT_SECURITY_POLICY, POLICY)
            .header("permissions-policy", PERMISSIONS)
            .header(REFERRER_POLICY, "no-referrer") // the address holds the room's name
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff");
        let lists = |name, wanted: &str| {
            let values = request.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|found| found.trim().split(';').next() == Some(wanted))
        };
        let response = if lists(IF_NONE_MATCH, &self.etag) {
            response.status(StatusCode::NOT_MODIFIED).body(Bytes::new())
        } else {
            match &self.gzip {
                Some(gzip) if lists(ACCEPT_ENCODING, "gzip") => response.header(CONTENT_ENCODING, "gzip").body(gzip.clone()),
                _ => response.body(self.plain.clone()),
            }
        };
        response.expect("every part is a valid header")
    }
}

fn compress(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_compressed_for_those_who_can_read_it_and_not_sent_twice() {
        let file = File::new("assets/a-1.js", Bytes::from("let a = 1;\n".repeat(100)));
        let mut request = HeaderMap::new();
        let plain = file.respond(&request);
        assert_eq!((plain.body().len(), plain.headers().get(CONTENT_ENCODING)), (1100, None));
        request.insert(ACCEPT_ENCODING, "br;q=1, gzip;q=0.8".parse().expect("a header value"));
        let small = file.respond(&request);
        assert!(small.body().len() < 200);
        assert_eq!(small.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(small.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
        request.insert(IF_NONE_MATCH, small.headers()[ETAG].clone());
        let known = file.respond(&request);
        assert_eq!((known.status(), known.body().len()), (StatusCode::NOT_MODIFIED, 0));
    }
}
