//! The head of a request: request line and fields, as ranges of the caller's buffer. The rules are
//! in `request_line`, `field_section` and `framing`; this file puts them in order.

use crate::error::{self, Rejection};
use crate::known::Known;
use crate::limits::Limits;
use crate::{field_section, framing, request_line};

/// A range of bytes in the caller's buffer.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the first byte.
    pub start: u32,
    /// Index after the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes that the span stands for in the buffer that was parsed.
    #[inline]
    #[must_use]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..self.end as usize]
    }

    /// Whether it stands for no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The number of bytes.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Indexes are below `LONGEST_HEAD`, so they fit.
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

/// Spans hold 32 bits; a limit above this number counts as this number.
const LONGEST_HEAD: usize = i32::MAX as usize;

/// The protocol version of a request; a minor version above 1 counts as 1.1 (RFC 9110 section 2.5).
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// How the body of a request is framed (RFC 9112 section 6.3).
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body bytes follow; also for `Content-Length: 0`.
    #[default]
    None,
    /// This many bytes follow, never 0.
    Length(u64),
    /// Chunks follow; see [`crate::ChunkedDecoder`].
    Chunked,
}

/// One field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name as sent.
    pub name: Span,
    /// The value without white space around it; never contains CR, LF or NUL.
    pub value: Span,
    /// Which often-met field it is, whatever the case of its name.
    pub known: Option<Known>,
    /// The name contains `_`. Such a field must not reach an app through CGI-like variables, where
    /// `X_B` and `X-B` become the same `HTTP_X_B` (CVE-2015-0219).
    pub has_underscore: bool,
}

/// The head of one request. Reused for many requests on one thread, so that nothing is allocated.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Head {
    /// A token of at most 32 bytes; need not be a method that anyone knows.
    pub method: Span,
    /// As sent.
    pub target: Span,
    /// The path, still percent-encoded; of an absolute-form target what follows the authority
    /// (empty stands for `/`); `*` for `OPTIONS *`.
    pub path: Span,
    /// Without its `?`.
    pub query: Span,
    /// Host and port of an absolute-form target, else empty. When not empty it counts in the place
    /// of the Host field (RFC 9112 section 3.2.2).
    pub authority: Span,
    /// The protocol version.
    pub version: Version,
    /// In order of arrival.
    pub fields: Vec<Field>,
    /// Bytes of the buffer that the head takes: empty lines before it and the one after it included.
    pub len: usize,
    /// How the body is framed.
    pub body: Body,
    /// The Content-Length field, if there is one.
    pub content_length: Option<u64>,
    /// Whether the connection may persist after this request (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The client waits for 100 (Continue) before it sends the body; HTTP/1.1 with a body only.
    pub expect_continue: bool,
    /// The client offers another protocol (RFC 9110 section 7.8); HTTP/1.1 only.
    pub upgrade: bool,
    /// Index of the Host field in `fields`.
    pub host: Option<usize>,
}

/// How far the parser came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head is there; `Head::len` bytes belong to it.
    Complete,
    /// Valid so far. Append what the peer sends and parse again from the start of the head.
    Partial,
}

/// The part of a head in which the bytes end.
enum Unfinished {
    RequestLine,
    Other,
}

impl Head {
    /// Reads one head from the start of `buffer`. Anything in `self` is from this call alone; after
    /// [`Progress::Partial`] and after an error its fields mean nothing.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, in order of arrival, and then the rules about the fields
    /// together. Answer with its status and close: where the next request begins is not known.
    /// The result does not depend on how the bytes were cut into calls.
    pub fn parse(&mut self, buffer: &[u8], limits: &Limits) -> Result<Progress, Rejection> {
        self.clear();
        let head_bytes = limits.head_bytes.min(LONGEST_HEAD);
        let window = &buffer[..buffer.len().min(head_bytes)];
        let part = self.read(window, limits)?;
        match part {
            None => Ok(Progress::Complete),
            Some(_) if window.len() < head_bytes => Ok(Progress::Partial),
            Some(Unfinished::RequestLine) => Err(error::REQUEST_LINE_TOO_LONG),
            Some(Unfinished::Other) => Err(error::HEAD_TOO_LARGE),
        }
    }

    /// `None` when the head is complete, else what is not.
    #[inline]
    fn read(&mut self, window: &[u8], limits: &Limits) -> Result<Option<Unfinished>, Rejection> {
        let Some(start) = request_line::skip_empty_lines(window)? else {
            return Ok(Some(Unfinished::Other));
        };
        let most_bytes = limits.request_line_bytes;
        let Some(first_field) = request_line::parse(window, start, most_bytes, self)? else {
            return Ok(Some(Unfinished::RequestLine));
        };
        let end = field_section::parse(window, first_field, limits.fields, &mut self.fields)?;
        let Some(end) = end else {
            return Ok(Some(Unfinished::Other));
        };
        self.len = end;
        framing::decide(self, window)?;
        Ok(None)
    }

    /// The value of the first field of this name, which must be given in lower case.
    #[must_use]
    pub fn field<'b>(&self, buffer: &'b [u8], name: &str) -> Option<&'b [u8]> {
        self.fields
            .iter()
            .find(|field| field.name.of(buffer).eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value.of(buffer))
    }

    /// As new, but with the memory of `fields` kept.
    fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], limits: &Limits) -> Result<Progress, Rejection> {
        Head::default().parse(bytes, limits)
    }

    #[test]
    fn a_fault_is_told_as_soon_as_it_has_arrived() {
        for (bytes, rejection) in [
            (&b"\n"[..], error::BARE_LF),
            (b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r", error::TOO_MANY_EMPTY_LINES),
            (b"\x16\x03", error::TLS_ON_PLAIN_PORT),
            (b"G(", error::BAD_METHOD),
            (b"GET /a#", error::FRAGMENT_IN_TARGET),
            (b"GET / HTTP/2x", error::BAD_VERSION),
            (b"GET / HTTP/2.0", error::UNSUPPORTED_VERSION),
            (b"PRI * HTTP/2.0", error::HTTP2_PREFACE),
            (b"GET / HTTP/1.1\n", error::BARE_LF),
            (b"GET a HTTP/1.1\r\n", error::BAD_TARGET),
            (b"GET / HTTP/1.1\r\n ", error::SPACE_BEFORE_FIRST_FIELD),
            (b"GET / HTTP/1.1\r\nA: b\r\n ", error::FOLDED_FIELD),
            (b"GET / HTTP/1.1\r\nA ", error::SPACE_BEFORE_COLON),
            (b"GET / HTTP/1.1\r\nHost ", error::SPACE_BEFORE_COLON),
            (b"GET / HTTP/1.1\r\nA\r", error::MISSING_COLON),
            (b"GET / HTTP/1.1\r\nA: b\n", error::BARE_LF),
            (b"GET / HTTP/1.1\r\nA: \0", error::BAD_FIELD_VALUE),
            (b"GET / HTTP/1.1\r\nA: b\r\n\r\r", error::BARE_CR),
        ] {
            let limits = Limits::default();
            let before = parse(&bytes[..bytes.len() - 1], &limits);
            assert_eq!(before, Ok(Progress::Partial), "{}", bytes.escape_ascii());
            assert_eq!(parse(bytes, &limits), Err(rejection), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_limit_holds_before_the_end_has_arrived() {
        let limits =
            Limits { request_line_bytes: 20, head_bytes: 60, fields: 2, ..Limits::default() };
        for (bytes, rejection) in [
            ("GET /0123456789 HTTP/1.1\r\n", error::REQUEST_LINE_TOO_LONG),
            ("GET /01234567890123456", error::REQUEST_LINE_TOO_LONG),
            ("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC", error::TOO_MANY_FIELDS),
            (
                "GET / HTTP/1.1\r\nA: 0123456789012345678901234567890123456789a",
                error::HEAD_TOO_LARGE,
            ),
        ] {
            assert_eq!(parse(bytes.as_bytes(), &limits), Err(rejection), "{bytes}");
        }
        for bytes in [
            "GET /01234567890123",
            "GET /01234 HTTP/1.1\r\nA: 1\r\nB: 2\r\n",
            "GET / HTTP/1.1\r\nA: 012345678901234567890123456789012345678",
        ] {
            assert_eq!(parse(bytes.as_bytes(), &limits), Ok(Progress::Partial), "{bytes}");
        }
        let largest = "GET / HTTP/1.1\r\nHost: a\r\nB: 0123456789012345678901234567\r\n\r\n";
        assert_eq!(largest.len(), 60);
        assert_eq!(parse(largest.as_bytes(), &limits), Ok(Progress::Complete));
        // The longest request line: exactly 20 bytes.
        assert_eq!(parse(b"GET /012345 HTTP/1.0\r\n\r\n", &limits), Ok(Progress::Complete));
        assert_eq!(
            parse(b"GET /0123456 HTTP/1.0\r\n\r\n", &limits),
            Err(error::REQUEST_LINE_TOO_LONG)
        );
    }

    #[test]
    fn nothing_of_the_request_before_stays_in_a_head() {
        let mut head = Head::default();
        let first = b"POST http://b/c?d HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        let second = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(head.parse(first, &Limits::default()), Ok(Progress::Complete));
        assert_eq!(head.parse(second, &Limits::default()), Ok(Progress::Complete));
        let mut fresh = Head::default();
        assert_eq!(fresh.parse(second, &Limits::default()), Ok(Progress::Complete));
        assert_eq!(head, fresh);
    }

    #[test]
    fn fields_are_found_by_name_and_by_kind() {
        let bytes = b"GET / HTTP/1.1\r\nHOST: a\r\nX_B: 1\r\nCooKie: c\r\nx-b: 2\r\n\r\nbody";
        let mut head = Head::default();
        assert_eq!(head.parse(bytes, &Limits::default()), Ok(Progress::Complete));
        assert_eq!(head.field(bytes, "x-b"), Some(&b"2"[..]));
        assert_eq!(head.field(bytes, "host"), Some(&b"a"[..]));
        assert_eq!(head.field(bytes, "accept"), None);
        assert_eq!(head.host, Some(0));
        assert_eq!(head.len, bytes.len() - b"body".len());
        let kinds: Vec<_> = head.fields.iter().map(|f| (f.known, f.has_underscore)).collect();
        assert_eq!(
            kinds,
            [(Some(Known::Host), false), (None, true), (Some(Known::Cookie), false), (None, false)]
        );
    }
}
