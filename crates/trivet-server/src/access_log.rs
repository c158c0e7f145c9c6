//! One line for each request, written in batches by whoever is about to wait, never by Python.

mod pattern;
mod sink;

use std::fmt::Display;
use std::io::Write;

use trivet_http::{Head, Version};

pub use pattern::{Pattern, VALUES};
pub(crate) use sink::Sink;

/// How a line looks.
#[derive(Clone, Debug)]
pub enum LogFormat {
    /// The combined format of Apache and nginx, with the duration at the end.
    Text,
    /// One JSON object a line.
    Json,
    /// `name=value` pairs.
    Logfmt,
    /// What somebody has written.
    Pattern(Pattern),
}

impl LogFormat {
    /// The fields of an answer that a line shows, in lower case.
    pub(crate) fn answer_fields(&self) -> &[Vec<u8>] {
        match self {
            Self::Pattern(pattern) => pattern.answer_fields(),
            _ => &[],
        }
    }

    /// Whether lines show what a request is called, also where the setting for that is off.
    pub(crate) fn shows_request_id(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.shows_request_id())
    }
}

/// What a line is about.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// A request, with the buffer that its head lies in.
    Request(&'a Head, &'a [u8]),
    /// Something that was not understood as one, and why; it stands in the place of the target.
    Refused(&'a str),
}

/// What a line tells.
pub(crate) struct Entry<'a> {
    pub(crate) address: &'a dyn Display,
    pub(crate) unix_seconds: u64,
    pub(crate) subject: Subject<'a>,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) microseconds: u64,
    /// Values of the fields that [`LogFormat::answer_fields`] asks for, in its order.
    pub(crate) answer_fields: &'a [Option<Vec<u8>>],
    pub(crate) request_id: Option<&'a [u8]>,
    /// What the request has waited in front of us, in microseconds.
    pub(crate) proxy_queue: Option<u64>,
}

impl Entry<'_> {
    fn method(&self) -> &[u8] {
        match self.subject {
            Subject::Request(head, buffer) => head.method.of(buffer),
            Subject::Refused(_) => b"-",
        }
    }

    fn target(&self) -> &[u8] {
        match self.subject {
            Subject::Request(head, buffer) => head.target.of(buffer),
            Subject::Refused(reason) => reason.as_bytes(),
        }
    }

    fn path(&self) -> &[u8] {
        match self.subject {
            Subject::Request(head, buffer) => head.path.of(buffer),
            Subject::Refused(reason) => reason.as_bytes(),
        }
    }

    fn query(&self) -> &[u8] {
        match self.subject {
            Subject::Request(head, buffer) => head.query.of(buffer),
            Subject::Refused(_) => b"",
        }
    }

    fn protocol(&self) -> &'static str {
        match self.subject {
            Subject::Request(Head { version: Version::Http10, .. }, _) => "HTTP/1.0",
            Subject::Request(Head { version: Version::Http11, .. }, _) => "HTTP/1.1",
            Subject::Refused(_) => "-",
        }
    }

    /// The values of the fields with this name, which must be given in lower case.
    fn fields<'e>(&'e self, name: &'e [u8]) -> impl Iterator<Item = &'e [u8]> {
        let (fields, buffer) = match self.subject {
            Subject::Request(head, buffer) => (&head.fields[..], buffer),
            Subject::Refused(_) => (&[][..], &[][..]),
        };
        fields
            .iter()
            .filter(|field| field.name.of(buffer).eq_ignore_ascii_case(name))
            .map(|field| field.value.of(buffer))
    }

    fn field<'e>(&'e self, name: &'e str) -> Option<&'e [u8]> {
        self.fields(name.as_bytes()).next()
    }
}

/// Lines of one thread that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
}

/// Lines are handed on at this size even when the thread does not come to rest.
const BATCH_BYTES: usize = 16 * 1024;

impl Lines {
    pub(crate) fn add(&mut self, format: &LogFormat, entry: &Entry<'_>) {
        match format {
            LogFormat::Text => text_line(&mut self.bytes, entry),
            LogFormat::Json => json_line(&mut self.bytes, entry),
            LogFormat::Logfmt => logfmt_line(&mut self.bytes, entry),
            LogFormat::Pattern(pattern) => pattern.line(&mut self.bytes, entry),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The fields of a request that lines without a pattern show, with their names there.
const SHOWN_FIELDS: [(&str, &str); 2] = [("referer", "referer"), ("user-agent", "user_agent")];

fn text_line(out: &mut Vec<u8>, entry: &Entry<'_>) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{} - - [", entry.address);
    write_log_date(out, entry.unix_seconds);
    out.extend_from_slice(b"] \"");
    write_escaped(out, entry.method(), false);
    out.push(b' ');
    write_escaped(out, entry.target(), false);
    let _ = write!(out, " {}\" {} {}", entry.protocol(), entry.status, entry.bytes);
    for (field, _) in SHOWN_FIELDS {
        out.extend_from_slice(b" \"");
        write_escaped(out, entry.field(field).unwrap_or(b"-"), false);
        out.push(b'"');
    }
    out.push(b' ');
    write_milliseconds(out, entry.microseconds);
    out.extend_from_slice(b"ms");
    if let Some(id) = entry.request_id {
        out.extend_from_slice(b" request_id=");
        write_escaped(out, id, false);
    }
    if let Some(waited) = entry.proxy_queue {
        out.extend_from_slice(b" proxy_queue=");
        write_milliseconds(out, waited);
        out.extend_from_slice(b"ms");
    }
    out.push(b'\n');
}

fn json_line(out: &mut Vec<u8>, entry: &Entry<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    write_iso_date(out, entry.unix_seconds);
    let _ = write!(
        out,
        "\",\"level\":\"info\",\"event\":\"request\",\"client\":\"{}\",\"method\":\"",
        entry.address
    );
    write_escaped(out, entry.method(), true);
    out.extend_from_slice(b"\",\"target\":\"");
    write_escaped(out, entry.target(), true);
    let _ = write!(
        out,
        "\",\"protocol\":\"{}\",\"status\":{},\"bytes\":{}",
        entry.protocol(),
        entry.status,
        entry.bytes
    );
    for (field, name) in SHOWN_FIELDS {
        write_json_text(out, name, entry.field(field));
    }
    out.extend_from_slice(b",\"duration_ms\":");
    write_milliseconds(out, entry.microseconds);
    write_json_text(out, "request_id", entry.request_id);
    if let Some(waited) = entry.proxy_queue {
        out.extend_from_slice(b",\"proxy_queue_ms\":");
        write_milliseconds(out, waited);
    }
    out.extend_from_slice(b"}\n");
}

fn write_json_text(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        let _ = write!(out, ",\"{name}\":\"");
        write_escaped(out, value, true);
        out.push(b'"');
    }
}

/// What a client has chosen is always between quotes, so that it can make no pairs of its own.
fn logfmt_line(out: &mut Vec<u8>, entry: &Entry<'_>) {
    out.extend_from_slice(b"time=");
    write_iso_date(out, entry.unix_seconds);
    let _ = write!(out, " level=info event=request client=\"{}\" method=\"", entry.address);
    write_escaped(out, entry.method(), false);
    out.extend_from_slice(b"\" target=\"");
    write_escaped(out, entry.target(), false);
    let _ = write!(
        out,
        "\" protocol={} status={} bytes={}",
        entry.protocol(),
        entry.status,
        entry.bytes
    );
    for (field, name) in SHOWN_FIELDS {
        write_logfmt_text(out, name, entry.field(field));
    }
    out.extend_from_slice(b" duration_ms=");
    write_milliseconds(out, entry.microseconds);
    write_logfmt_text(out, "request_id", entry.request_id);
    if let Some(waited) = entry.proxy_queue {
        out.extend_from_slice(b" proxy_queue_ms=");
        write_milliseconds(out, waited);
    }
    out.push(b'\n');
}

fn write_logfmt_text(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        let _ = write!(out, " {name}=\"");
        write_escaped(out, value, false);
        out.push(b'"');
    }
}

/// Milliseconds with three digits after the point.
fn write_milliseconds(out: &mut Vec<u8>, microseconds: u64) {
    let _ = write!(out, "{}.{:03}", microseconds / 1000, microseconds % 1000);
}

/// Whether an answer is of a path that the log leaves out; what has failed never is.
pub(crate) fn is_skipped(skipped: &[Vec<u8>], path: &[u8], status: u16) -> bool {
    status < 500
        && skipped.iter().any(|skipped| match skipped.strip_suffix(b"*") {
            Some(beginning) => path.starts_with(beginning),
            None => path == skipped,
        })
}

/// Bytes of the client, with everything that could forge a line or end a string escaped.
/// JSON knows \u00XX where text logs write \xXX; both read bytes above 126 as latin-1.
pub(crate) fn write_escaped(out: &mut Vec<u8>, bytes: &[u8], json: bool) {
    let escape: &[u8] = if json { b"\\u00" } else { b"\\x" };
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut rest = bytes;
    while !rest.is_empty() {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        let plain = rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len());
        let (copied, left) = rest.split_at(plain);
        out.extend_from_slice(copied);
        let Some((&byte, left)) = left.split_first() else { return };
        if matches!(byte, b'"' | b'\\') {
            out.extend_from_slice(&[b'\\', byte]);
        } else {
            out.extend_from_slice(escape);
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
        rest = left;
    }
}

/// Year, month and day from the IMF date that the protocol crate computes anyway.
fn date_parts(unix_seconds: u64) -> ([u8; 29], [u8; 4], &'static [u8; 2]) {
    const MONTHS: [(&[u8; 3], &[u8; 2]); 12] = [
        (b"Jan", b"01"),
        (b"Feb", b"02"),
        (b"Mar", b"03"),
        (b"Apr", b"04"),
        (b"May", b"05"),
        (b"Jun", b"06"),
        (b"Jul", b"07"),
        (b"Aug", b"08"),
        (b"Sep", b"09"),
        (b"Oct", b"10"),
        (b"Nov", b"11"),
        (b"Dec", b"12"),
    ];
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    let date = trivet_http::response::imf_fixdate(unix_seconds);
    let year = [date[12], date[13], date[14], date[15]];
    let month = MONTHS.iter().find(|(name, _)| date[8..11] == name[..]).map_or(b"00", |row| row.1);
    (date, year, month)
}

/// "06/Nov/1994:08:49:37 +0000", as in every combined log.
fn write_log_date(out: &mut Vec<u8>, unix_seconds: u64) {
    let (date, year, _) = date_parts(unix_seconds);
    for piece in [&date[5..7], b"/", &date[8..11], b"/", &year, b":", &date[17..25], b" +0000"] {
        out.extend_from_slice(piece);
    }
}

/// "1994-11-06T08:49:37Z" (RFC 3339).
fn write_iso_date(out: &mut Vec<u8>, unix_seconds: u64) {
    let (date, year, month) = date_parts(unix_seconds);
    for piece in [&year[..], b"-", month, b"-", &date[5..7], b"T", &date[17..25], b"Z"] {
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trivet_http::{Field, Limits, Span};

    /// A head and the buffer that it lies in.
    pub(super) struct Request {
        head: Head,
        buffer: Vec<u8>,
    }

    impl Request {
        pub(super) fn new(text: &str) -> Self {
            let mut head = Head::default();
            let buffer = text.as_bytes().to_vec();
            head.parse(&buffer, &Limits::default()).unwrap();
            Self { head, buffer }
        }

        /// With bytes that no parser would let through.
        fn of(method: &[u8], target: &[u8], agent: &[u8]) -> Self {
            let mut buffer = Vec::new();
            let mut add = |bytes: &[u8]| {
                let start = buffer.len() as u32;
                buffer.extend_from_slice(bytes);
                Span { start, end: buffer.len() as u32 }
            };
            let (method, target) = (add(method), add(target));
            let field = Field {
                name: add(b"User-Agent"),
                value: add(agent),
                known: None,
                has_underscore: false,
            };
            let head = Head { method, target, fields: vec![field], ..Head::default() };
            Self { head, buffer }
        }
    }

    pub(super) fn entry(request: &Request) -> Entry<'_> {
        Entry {
            address: &"127.0.0.1",
            unix_seconds: 784_111_777,
            subject: Subject::Request(&request.head, &request.buffer),
            status: 200,
            bytes: 13,
            microseconds: 1234,
            answer_fields: &[],
            request_id: None,
            proxy_queue: None,
        }
    }

    fn line(format: LogFormat, entry: &Entry<'_>) -> String {
        let mut lines = Lines::default();
        lines.add(&format, entry);
        String::from_utf8(lines.bytes).unwrap()
    }

    #[test]
    fn a_text_line_is_in_the_combined_format() {
        assert_eq!(
            line(LogFormat::Text, &entry(&Request::of(b"GET", b"/", b"curl/8"))),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 13 \"-\" \"curl/8\" 1.234ms\n"
        );
    }

    #[test]
    fn a_json_line_is_one_object() {
        assert_eq!(
            line(LogFormat::Json, &entry(&Request::of(b"GET", b"/", b"curl/8"))),
            "{\"time\":\"1994-11-06T08:49:37Z\",\"level\":\"info\",\"event\":\"request\",\"client\":\"127.0.0.1\",\
             \"method\":\"GET\",\"target\":\"/\",\"protocol\":\"HTTP/1.1\",\"status\":200,\
             \"bytes\":13,\"user_agent\":\"curl/8\",\"duration_ms\":1.234}\n"
        );
    }

    #[test]
    fn a_logfmt_line_has_what_clients_choose_between_quotes() {
        assert_eq!(
            line(LogFormat::Logfmt, &entry(&Request::of(b"GET", b"/a b=c", b"x\" status=500\n"))),
            "time=1994-11-06T08:49:37Z level=info event=request client=\"127.0.0.1\" method=\"GET\" \
             target=\"/a b=c\" protocol=HTTP/1.1 status=200 bytes=13 \
             user_agent=\"x\\\" status=500\\x0a\" duration_ms=1.234\n"
        );
    }

    #[test]
    fn paths_are_left_out_unless_they_fail() {
        let skipped = [b"/favicon.ico".to_vec(), b"/static/*".to_vec()];
        for (path, status, expected) in [
            (&b"/favicon.ico"[..], 200, true),
            (b"/favicon.ico/x", 200, false),
            (b"/static/", 404, true),
            (b"/static/a/b", 499, true),
            (b"/static", 200, false),
            (b"/static/a", 500, false),
            (b"/", 200, false),
        ] {
            assert_eq!(is_skipped(&skipped, path, status), expected, "{}", path.escape_ascii());
        }
        assert!(!is_skipped(&[], b"/", 200));
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let line =
            line(LogFormat::Text, &entry(&Request::of(b"GET", b"/", b"x\"\r\n\x1b[2J\xff\\")));
        assert!(line.contains("\"x\\\"\\x0d\\x0a\\x1b[2J\\xff\\\\\""), "{line}");
    }

    /// What a reader of either format makes of the text between two quotes.
    fn unescaped(mut text: &str, escape: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(first) = text.chars().next() {
            if let Some(rest) = text.strip_prefix(escape) {
                bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                text = &rest[2..];
                continue;
            }
            let rest = text.strip_prefix('\\').unwrap_or(text);
            assert!(rest.len() < text.len() || first != '"', "{text}");
            bytes.push(rest.as_bytes()[0]);
            text = &rest[1..];
        }
        bytes
    }

    #[test]
    fn any_bytes_come_back_from_a_line_of_printable_ascii() {
        let mut state = 0x6c6f_6700_u64;
        let mut random = |below: usize| {
            // xorshift64 (Marsaglia, "Xorshift RNGs", 2003)
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for round in 0..20_000 {
            let length = random(12);
            let special = b"\"\\\r\n\0\x1bnux0{}";
            let bytes: Vec<u8> = (0..length)
                .map(|_| match random(2) {
                    0 => special[random(special.len())],
                    _ => random(256) as u8,
                })
                .collect();
            let (format, escape, before, after) = match round % 2 {
                0 => (LogFormat::Text, "\\x", "\"-\" \"", "\" 1.234ms\n"),
                _ => (LogFormat::Json, "\\u00", "\"user_agent\":\"", "\",\"duration_ms\""),
            };
            let line = line(format, &entry(&Request::of(&bytes, &bytes, &bytes)));
            let (text, end) = line.split_at(line.len() - 1);
            assert!(
                end == "\n" && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}"
            );
            let shown = line.split_once(before).and_then(|(_, rest)| rest.rsplit_once(after));
            assert_eq!(unescaped(shown.unwrap().0, escape), bytes, "{line}");
        }
    }

    #[test]
    fn what_is_known_beside_the_request_stands_at_the_end_of_a_line() {
        let request = Request::of(b"GET", b"/", b"curl/8");
        let entry =
            Entry { request_id: Some(b"id-7"), proxy_queue: Some(12_345), ..entry(&request) };
        for (format, end) in [
            (LogFormat::Text, " 1.234ms request_id=id-7 proxy_queue=12.345ms\n"),
            (
                LogFormat::Json,
                "\"duration_ms\":1.234,\"request_id\":\"id-7\",\"proxy_queue_ms\":12.345}\n",
            ),
            (LogFormat::Logfmt, " duration_ms=1.234 request_id=\"id-7\" proxy_queue_ms=12.345\n"),
        ] {
            let line = line(format, &entry);
            assert!(line.ends_with(end), "{line}");
        }
    }
}
