//! Fields of proxies: what is believed lies within the buffer, is of its grammar, and cannot be
//! changed by what stands in front of what a trusted proxy has added.

use trivet_http::forwarded::{Client, Family, Forwarding};
use trivet_http::{Head, Limits, Progress, Span, Trusted};

/// The last element that an honest proxy adds, in each of the two families.
const HONEST: [(&str, &[u8]); 2] =
    [("Forwarded", b"for=192.0.2.1;proto=https;host=shop"), ("X-Forwarded-For", b"192.0.2.1")];

/// Checks all of it for one input, which is the value of a field.
pub fn check(bytes: &[u8]) {
    for (family, (name, honest)) in [Family::Forwarded, Family::XForwarded].into_iter().zip(HONEST)
    {
        let Some((buffer, said)) = read(family, name, bytes) else { return };
        let texts = [said.host, said.prefix].map(|span| text(&buffer, span));
        for text in texts.iter().flatten() {
            assert!(text.iter().all(|byte| byte.is_ascii_graphic()));
        }
        if let Some(prefix) = &texts[1] {
            assert!(prefix.is_empty() || prefix.starts_with(b"/"));
        }
        let alone = read(family, name, honest).map(|(buffer, said)| believed(&buffer, &said));
        let in_front = [bytes, b",", honest].concat();
        if let Some((buffer, said)) = read(family, name, &in_front) {
            assert_eq!(Some(believed(&buffer, &said)), alone);
        }
    }
}

/// `None` when the bytes cannot stand in a field at all.
fn read(family: Family, name: &str, value: &[u8]) -> Option<(Vec<u8>, Forwarding)> {
    let buffer = [b"GET / HTTP/1.0\r\n", name.as_bytes(), b": ", value, b"\r\n\r\n"].concat();
    let mut head = Head::default();
    match head.parse(&buffer, &Limits::default()) {
        Ok(Progress::Complete) if head.len == buffer.len() && head.fields.len() == 1 => {}
        _ => return None,
    }
    let trusted = Trusted::parse(["10.0.0.0/8"]).expect("a valid network");
    let said = Forwarding::read(family, &head.fields, &buffer, &trusted);
    Some((buffer, said))
}

fn text(buffer: &[u8], span: Option<Span>) -> Option<Vec<u8>> {
    span.map(|span| span.of(buffer).to_vec())
}

fn believed(buffer: &[u8], said: &Forwarding) -> String {
    let client: Client = said.client;
    let host = text(buffer, said.host);
    format!("{client:?} {:?} {host:?} {:?}", said.scheme, said.port)
}
