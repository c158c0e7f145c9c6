//! The field lines of a head, up to the empty line; what the fields mean is decided in `framing`.
//!
//! Bytes are judged in the order in which they arrive, so the first fault is named however the bytes
//! were cut into packets. Written by hand instead of on httparse: that takes a third more
//! instructions for this part, takes LF alone for a line end, and does not tell one fault from
//! another. A test holds the two against each other.

use crate::byte_class::{self, TOKEN};
use crate::error::{self, Fault};
use crate::head::{Field, Span};
use crate::known::Known;
use crate::word_scan;

/// Appends the fields that begin at `start`; the index after the empty line, or `None` when more
/// bytes are needed.
pub(crate) fn parse(
    buffer: &[u8],
    start: usize,
    most_fields: usize,
    fields: &mut Vec<Field>,
) -> Result<Option<usize>, Fault> {
    let mut at = start;
    loop {
        match buffer.get(at) {
            None => return Ok(None),
            Some(b'\r' | b'\n') => return line_end(buffer, at),
            Some(_) if fields.len() >= most_fields => return Err(&error::TOO_MANY_FIELDS),
            Some(_) => {}
        }
        // Up to the colon first: a name that is known needs no look at its bytes.
        let end_of_name = word_scan::find_colon(buffer, at);
        let name = &buffer[at..end_of_name];
        let known = Known::of(name);
        let mut has_underscore = false;
        if known.is_none() || end_of_name == buffer.len() {
            let end_of_token = byte_class::skip(buffer, at, TOKEN);
            match buffer.get(end_of_token) {
                Some(b':') if end_of_token > at => {}
                None => return Ok(None),
                Some(&byte) => return Err(fault_in_name(byte, end_of_token == at, at == start)),
            }
            has_underscore = name.contains(&b'_');
        }
        let end_of_value = word_scan::skip_value(buffer, end_of_name + 1);
        let Some(next_line) = line_end(buffer, end_of_value)? else {
            return Ok(None);
        };
        fields.push(Field {
            name: Span::new(at, end_of_name),
            value: trimmed(buffer, end_of_name + 1, end_of_value),
            known,
            has_underscore,
        });
        at = next_line;
    }
}

/// The index after the CRLF that must stand at `at`; `None` when more bytes are needed.
#[inline]
fn line_end(buffer: &[u8], at: usize) -> Result<Option<usize>, Fault> {
    match (buffer.get(at), buffer.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some(at + 2)),
        (None | Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(_)) => Err(&error::BARE_CR),
        (Some(b'\n'), _) => Err(&error::BARE_LF),
        _ => Err(&error::BAD_FIELD_VALUE),
    }
}

/// Without the white space around it (RFC 9112 section 5.1): mostly one space before it.
#[inline]
fn trimmed(buffer: &[u8], start: usize, end: usize) -> Span {
    // The only byte of a value below a space is HTAB.
    match &buffer[start..end] {
        [b' ', first, .., last] if *first > b' ' && *last > b' ' => Span::new(start + 1, end),
        value => trimmed_slowly(value, start),
    }
}

#[inline(never)]
fn trimmed_slowly(mut value: &[u8], mut start: usize) -> Span {
    while let [..=b' ', rest @ ..] = value {
        value = rest;
        start += 1;
    }
    while let [rest @ .., ..=b' '] = value {
        value = rest;
    }
    Span::new(start, start + value.len())
}

/// `byte` is the first of the line that is not of a token, and not a colon after a name.
#[cold]
fn fault_in_name(byte: u8, is_empty: bool, is_first_line: bool) -> Fault {
    match byte {
        b':' => &error::EMPTY_FIELD_NAME,
        b' ' | b'\t' if !is_empty => &error::SPACE_BEFORE_COLON,
        b' ' | b'\t' if is_first_line => &error::SPACE_BEFORE_FIRST_FIELD,
        b' ' | b'\t' => &error::FOLDED_FIELD,
        b'\r' => &error::MISSING_COLON,
        b'\n' => &error::BARE_LF,
        _ => &error::BAD_FIELD_NAME,
    }
}
