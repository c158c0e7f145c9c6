//! A PROXY header: the same whatever the cut and whatever comes behind it, never longer than the input.

use trivet_http::proxy_protocol::parse;

/// Checks all of it for one input.
pub fn check(bytes: &[u8]) {
    let whole = parse(bytes);
    let step = bytes.len() / 256 + 1;
    let decided = (0..=bytes.len()).step_by(step).map(|end| parse(&bytes[..end]));
    let first = decided.into_iter().find(|result| *result != Ok(None));
    if let Some(first) = first {
        assert_eq!(first, whole);
    }
    if let Ok(Some(header)) = whole {
        assert!(header.len > 0 && header.len <= bytes.len());
        assert_eq!(parse(&bytes[..header.len]), whole);
        assert_eq!(parse(&[&bytes[..header.len], b"GET / HTTP/1.1\r\n"].concat()), whole);
    }
}
