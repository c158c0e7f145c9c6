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
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The span of `part`, which must be a slice of `buffer`.
    #[inline]
    pub(crate) fn within(buffer: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr() as usize - buffer.as_ptr() as usize;
        Self::new(start, start + part.len())
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
        let is_full = window.len() == head_bytes;

        let Some(start) = request_line::skip_empty_lines(window)? else {
            return if is_full {
                Err(error::HEAD_TOO_LARGE)
            } else {
                Ok(Progress::Partial)
            };
        };
        let Some(line) = request_line::parse(window, start, limits.request_line_bytes)? else {
            return if is_full {
                Err(error::REQUEST_LINE_TOO_LONG)
            } else {
                Ok(Progress::Partial)
            };
        };
        let Some(end) = field_section::parse(window, line.end, limits.fields, &mut self.fields)?
        else {
            return if is_full {
                Err(error::HEAD_TOO_LARGE)
            } else {
                Ok(Progress::Partial)
            };
        };
        self.method = line.method;
        self.target = line.target;
        self.path = line.path;
        self.query = line.query;
        self.authority = line.authority;
        self.version = line.version;
        self.len = end;
        framing::decide(self, window)?;
        Ok(Progress::Complete)
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
        *self = Self {
            fields,
            ..Self::default()
        };
    }
}
