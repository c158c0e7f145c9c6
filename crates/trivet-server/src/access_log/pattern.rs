//! A line that somebody has written with gunicorn's names for values, put together for each request.
//!
//! The format string is taken apart, and checked, by trivet.settings.access_log_format.

use std::io::Write;

use super::{Entry, write_escaped, write_log_date};

/// What stands for itself in a line and not in the request's or the answer's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the meanings are in trivet.settings.access_log_format")]
pub enum Value {
    Client,
    Nothing,
    User,
    Time,
    RequestLine,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    Bytes,
    BytesOrNothing,
    Referer,
    UserAgent,
    Seconds,
    Milliseconds,
    Microseconds,
    DecimalSeconds,
    Process,
    Target,
    RequestId,
    ProxyQueue,
}

/// Every value by its name.
pub const VALUES: [(&str, Value); 22] = [
    ("h", Value::Client),
    ("l", Value::Nothing),
    ("u", Value::User),
    ("t", Value::Time),
    ("r", Value::RequestLine),
    ("m", Value::Method),
    ("U", Value::Path),
    ("q", Value::Query),
    ("H", Value::Protocol),
    ("s", Value::Status),
    ("B", Value::Bytes),
    ("b", Value::BytesOrNothing),
    ("f", Value::Referer),
    ("a", Value::UserAgent),
    ("T", Value::Seconds),
    ("M", Value::Milliseconds),
    ("D", Value::Microseconds),
    ("L", Value::DecimalSeconds),
    ("p", Value::Process),
    ("target", Value::Target),
    ("request_id", Value::RequestId),
    ("proxy_queue", Value::ProxyQueue),
];

/// A name is a secret's neighbour: more of it than this is not looked at.
const MOST_USER_BYTES: usize = 64;

#[derive(Clone, Debug)]
enum Part {
    Text(Vec<u8>),
    Value(Value),
    RequestField(Vec<u8>),
    /// The place among the fields of the answer that are asked for.
    AnswerField(usize),
}

/// The parts of a line, in order.
#[derive(Clone, Debug)]
pub struct Pattern {
    parts: Vec<Part>,
    answer_fields: Vec<Vec<u8>>,
    is_json: bool,
}

impl Pattern {
    /// Of parts by kind and text: `text`, `value`, `request` and `answer`; names of fields are in
    /// lower case. `is_json` escapes as JSON does.
    ///
    /// # Errors
    /// Names the part that is not known.
    pub fn new(parts: &[(String, String)], is_json: bool) -> Result<Self, String> {
        let mut pattern = Self { parts: Vec::new(), answer_fields: Vec::new(), is_json };
        for (kind, text) in parts {
            let part = match kind.as_str() {
                "text" => Part::Text(text.as_bytes().to_vec()),
                "value" => VALUES
                    .iter()
                    .find(|(name, _)| name == text)
                    .map(|(_, value)| Part::Value(*value))
                    .ok_or_else(|| format!("there is no value {text:?}"))?,
                "request" => Part::RequestField(text.as_bytes().to_vec()),
                "answer" => {
                    pattern.answer_fields.push(text.as_bytes().to_vec());
                    Part::AnswerField(pattern.answer_fields.len() - 1)
                }
                _ => return Err(format!("there are no parts of the kind {kind:?}")),
            };
            pattern.parts.push(part);
        }
        Ok(pattern)
    }

    pub(super) fn answer_fields(&self) -> &[Vec<u8>] {
        &self.answer_fields
    }

    pub(super) fn shows_request_id(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(Value::RequestId)))
    }

    pub(super) fn line(&self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value(value) => self.value(out, *value, entry),
                Part::RequestField(name) => self.list(out, entry.fields(name)),
                Part::AnswerField(place) => {
                    let value = entry.answer_fields.get(*place).and_then(Option::as_deref);
                    self.escaped(out, value.unwrap_or(b"-"));
                }
            }
        }
        out.push(b'\n');
    }

    fn value(&self, out: &mut Vec<u8>, value: Value, entry: &Entry<'_>) {
        // Writing to memory cannot fail.
        let _ = match value {
            Value::Client => write!(out, "{}", entry.address),
            Value::Nothing => write!(out, "-"),
            Value::User => {
                let user = entry.field("authorization").and_then(user_in);
                self.escaped(out, user.as_deref().unwrap_or(b"-"));
                Ok(())
            }
            Value::Time => {
                out.push(b'[');
                write_log_date(out, entry.unix_seconds);
                write!(out, "]")
            }
            Value::RequestLine => {
                self.escaped(out, entry.method());
                out.push(b' ');
                self.escaped(out, entry.target());
                write!(out, " {}", entry.protocol())
            }
            Value::Method => self.written(out, entry.method()),
            Value::Path => self.written(out, entry.path()),
            Value::Query => self.written(out, entry.query()),
            Value::Target => self.written(out, entry.target()),
            Value::Protocol => write!(out, "{}", entry.protocol()),
            Value::Status => write!(out, "{}", entry.status),
            Value::BytesOrNothing if entry.bytes == 0 => write!(out, "-"),
            Value::Bytes | Value::BytesOrNothing => write!(out, "{}", entry.bytes),
            Value::Referer => self.written(out, entry.field("referer").unwrap_or(b"-")),
            Value::UserAgent => self.written(out, entry.field("user-agent").unwrap_or(b"-")),
            Value::Seconds => write!(out, "{}", entry.microseconds / 1_000_000),
            Value::Milliseconds => write!(out, "{}", entry.microseconds / 1000),
            Value::Microseconds => write!(out, "{}", entry.microseconds),
            Value::DecimalSeconds => decimal_seconds(out, entry.microseconds),
            Value::RequestId => self.written(out, entry.request_id.unwrap_or(b"-")),
            Value::ProxyQueue => match entry.proxy_queue {
                Some(microseconds) => decimal_seconds(out, microseconds),
                None => write!(out, "-"),
            },
            Value::Process => write!(out, "<{}>", std::process::id()),
        };
    }

    fn escaped(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        write_escaped(out, bytes, self.is_json);
    }

    fn written(&self, out: &mut Vec<u8>, bytes: &[u8]) -> std::io::Result<()> {
        self.escaped(out, bytes);
        Ok(())
    }

    /// Repeated fields are one list (RFC 9110 section 5.3).
    fn list<'v>(&self, out: &mut Vec<u8>, values: impl Iterator<Item = &'v [u8]>) {
        let before = out.len();
        for (index, value) in values.enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            self.escaped(out, value);
        }
        if out.len() == before {
            out.push(b'-');
        }
    }
}

fn decimal_seconds(out: &mut Vec<u8>, microseconds: u64) -> std::io::Result<()> {
    write!(out, "{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

/// The name in the credentials of HTTP Basic authentication (RFC 7617 section 2).
fn user_in(credentials: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = credentials.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut user = Vec::new();
    let mut bits: u32 = 0;
    let mut count = 0;
    for byte in encoded.trim_ascii().iter().take_while(|&&byte| byte != b'=') {
        // RFC 4648 section 4.
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            let decoded = (bits >> count) as u8;
            if decoded == b':' {
                return (!user.is_empty()).then_some(user);
            }
            user.push(decoded);
            // What has no colon by then may be a secret without a name.
            if user.len() > MOST_USER_BYTES {
                return None;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Request, entry};
    use super::*;

    fn pattern(parts: &[(&str, &str)], is_json: bool) -> Result<Pattern, String> {
        let owned: Vec<_> =
            parts.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect();
        Pattern::new(&owned, is_json)
    }

    fn line(parts: &[(&str, &str)], is_json: bool, entry: &Entry<'_>) -> String {
        let mut out = Vec::new();
        pattern(parts, is_json).unwrap().line(&mut out, entry);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_value_has_its_place() {
        let request = Request::new("GET /a/b?c=d HTTP/1.0\r\nUser-Agent: curl/8\r\n\r\n");
        let entry = Entry { microseconds: 1_234_567, ..entry(&request) };
        for (name, expected) in [
            ("h", "127.0.0.1"),
            ("l", "-"),
            ("u", "-"),
            ("t", "[06/Nov/1994:08:49:37 +0000]"),
            ("r", "GET /a/b?c=d HTTP/1.0"),
            ("m", "GET"),
            ("U", "/a/b"),
            ("q", "c=d"),
            ("H", "HTTP/1.0"),
            ("s", "200"),
            ("B", "13"),
            ("b", "13"),
            ("f", "-"),
            ("a", "curl/8"),
            ("T", "1"),
            ("M", "1234"),
            ("D", "1234567"),
            ("L", "1.234567"),
            ("target", "/a/b?c=d"),
            ("request_id", "-"),
            ("proxy_queue", "-"),
        ] {
            assert_eq!(line(&[("value", name)], false, &entry), format!("{expected}\n"), "{name}");
        }
        let known = Entry { request_id: Some(b"id"), proxy_queue: Some(2_000_001), ..entry };
        assert_eq!(line(&[("value", "request_id")], false, &known), "id\n");
        assert_eq!(line(&[("value", "proxy_queue")], false, &known), "2.000001\n");
        let entry = known;
        let process = line(&[("value", "p")], false, &entry);
        assert_eq!(process, format!("<{}>\n", std::process::id()));
        assert_eq!(line(&[("value", "b")], false, &Entry { bytes: 0, ..entry }), "-\n");
    }

    #[test]
    fn fields_of_request_and_answer_are_found_by_name() {
        let request = Request::new("GET / HTTP/1.1\r\nHost: a\r\nX-F: 1\r\nx-f: 2\r\n\r\n");
        let fields = [None, Some(b"text/html".to_vec())];
        let entry = Entry { answer_fields: &fields, ..entry(&request) };
        let parts = [
            ("request", "x-f"),
            ("text", " "),
            ("answer", "etag"),
            ("text", " "),
            ("answer", "content-type"),
            ("text", " "),
            ("request", "x-none"),
        ];
        assert_eq!(line(&parts, false, &entry), "1, 2 - text/html -\n");
        let names = [b"etag".to_vec(), b"content-type".to_vec()];
        assert_eq!(pattern(&parts, false).unwrap().answer_fields(), names);
    }

    #[test]
    fn what_others_have_written_is_escaped_by_the_rules_of_the_line() {
        let request = Request::new("GET / HTTP/1.1\r\nHost: a\r\nReferer: \"\\\t\u{85}\r\n\r\n");
        let fields = [Some(b"\x1b[2J".to_vec())];
        let entry = Entry { answer_fields: &fields, ..entry(&request) };
        let parts = [("value", "f"), ("text", " \"é\" "), ("answer", "x")];
        let expected = "\\\"\\\\\\x09\\xc2\\x85 \"é\" \\x1b[2J\n";
        assert_eq!(line(&parts, false, &entry), expected);
        let expected = "\\\"\\\\\\u0009\\u00c2\\u0085 \"é\" \\u001b[2J\n";
        assert_eq!(line(&parts, true, &entry), expected);
    }

    #[test]
    fn the_user_is_shown_and_never_the_password() {
        for (credentials, user) in [
            ("Basic dXNlcjpwYXNz", "user"),
            ("basic dTpwYTpzcw==", "u"),
            ("Basic dTo=", "u"),
            ("Basic Og==", "-"),
            ("Basic c2VjcmV0", "-"), // no colon
            ("Basic !!!!", "-"),
            ("Basic", "-"),
            ("Bearer dXNlcjpwYXNz", "-"),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: {credentials}\r\n\r\n");
            let request = Request::new(&head);
            let shown = line(&[("value", "u")], false, &entry(&request));
            assert_eq!(shown, format!("{user}\n"), "{credentials}");
        }
    }

    #[test]
    fn what_was_no_request_has_the_reason_in_its_place() {
        let request = Request::new("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let entry =
            Entry { subject: super::super::Subject::Refused("bad-host"), ..entry(&request) };
        assert_eq!(line(&[("value", "r")], false, &entry), "- bad-host -\n");
        let fields = [("value", "q"), ("request", "host"), ("value", "u")];
        assert_eq!(line(&fields, false, &entry), "--\n");
    }

    #[test]
    fn parts_that_do_not_exist_are_named() {
        assert_eq!(pattern(&[("value", "z")], false).unwrap_err(), "there is no value \"z\"");
        assert!(pattern(&[("environ", "x")], false).is_err());
    }
}
