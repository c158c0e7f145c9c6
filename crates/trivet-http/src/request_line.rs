//! The request line: method, target in one of its four forms, version (RFC 9112 section 3).
//!
//! Bytes are judged in the order in which they arrive, so a request gets the same answer however it
//! was cut into packets, and gets it as soon as it can no longer become valid.

use crate::byte_class::{self, PATH, QUERY, TOKEN};
use crate::error::{self, Fault};
use crate::head::{Head, Span, Version};
use crate::host;

/// Longer than any registered method (the longest has 17 bytes); a longer one is answered with 501,
/// as RFC 9112 section 3 advises.
const METHOD_BYTES: usize = 32;
/// RFC 9112 section 2.2 asks to ignore at least one empty line before the request line. Others
/// ignore any number; some bound there must be.
const EMPTY_LINES: usize = 8;

/// The index of the first byte of the request line; `None` when that needs more bytes.
pub(crate) fn skip_empty_lines(buffer: &[u8]) -> Result<Option<usize>, Fault> {
    let mut at = 0;
    loop {
        match buffer.get(at) {
            Some(b'\n') => return Err(&error::BARE_LF),
            Some(b'\r') if at == 2 * EMPTY_LINES => return Err(&error::TOO_MANY_EMPTY_LINES),
            Some(b'\r') => match buffer.get(at + 1) {
                Some(b'\n') => at += 2,
                Some(_) => return Err(&error::BARE_CR),
                None => return Ok(None),
            },
            Some(_) => return Ok(Some(at)),
            None => return Ok(None),
        }
    }
}

/// Whether the bytes begin with a request of the method HEAD, be it valid or not: the answer to it,
/// also one that refuses it, has no content (RFC 9110 section 9.3.2).
#[must_use]
pub fn begins_with_head(bytes: &[u8]) -> bool {
    matches!(skip_empty_lines(bytes), Ok(Some(start)) if bytes[start..].starts_with(b"HEAD "))
}

/// Reads the request line that begins at `start` into `head`; the index of the first field line, or
/// `None` when more bytes are needed.
pub(crate) fn parse(
    buffer: &[u8],
    start: usize,
    most_bytes: usize,
    head: &mut Head,
) -> Result<Option<usize>, Fault> {
    let end_of_window = start.saturating_add(most_bytes).saturating_add(b"\r\n".len());
    let window = &buffer[..buffer.len().min(end_of_window)];
    match parse_in_window(window, start, head)? {
        None if window.len() == end_of_window => Err(&error::REQUEST_LINE_TOO_LONG),
        end => Ok(end),
    }
}

#[inline]
fn parse_in_window(buffer: &[u8], start: usize, head: &mut Head) -> Result<Option<usize>, Fault> {
    let Some(end_of_method) = method_end(buffer, start)? else {
        return Ok(None);
    };
    let target_start = end_of_method + 1;
    let Some((question_mark, end_of_target)) = target_end(buffer, target_start)? else {
        return Ok(None);
    };
    head.method = Span::new(start, end_of_method);
    head.target = Span::new(target_start, end_of_target);
    head.path = Span::new(target_start, question_mark);
    head.query = Span::new((question_mark + 1).min(end_of_target), end_of_target);
    let Some((version, end)) = version(buffer, end_of_target + 1, head)? else {
        return Ok(None);
    };
    head.version = version;
    check_form(buffer, head)?;
    Ok(Some(end))
}

/// The index of the space after the method.
fn method_end(buffer: &[u8], start: usize) -> Result<Option<usize>, Fault> {
    if let [0x16, rest @ ..] = &buffer[start..] {
        // A TLS record of type handshake, version 3.x (RFC 8446 section 5.1).
        return match rest.first() {
            None => Ok(None),
            Some(3) => Err(&error::TLS_ON_PLAIN_PORT),
            Some(_) => Err(&error::BAD_METHOD),
        };
    }
    let end = byte_class::skip(buffer, start, TOKEN);
    if end - start > METHOD_BYTES {
        return Err(&error::METHOD_TOO_LONG);
    }
    match buffer.get(end) {
        Some(b' ') if end > start => Ok(Some(end)),
        Some(_) => Err(&error::BAD_METHOD),
        None => Ok(None),
    }
}

/// The index of the first '?' (or of the end) and of the space after the target.
fn target_end(buffer: &[u8], start: usize) -> Result<Option<(usize, usize)>, Fault> {
    let end_of_path = byte_class::skip(buffer, start, PATH);
    let end = match buffer.get(end_of_path) {
        Some(b'?') => byte_class::skip(buffer, end_of_path + 1, QUERY),
        _ => end_of_path,
    };
    let Some(&byte) = buffer.get(end) else {
        return Ok(None);
    };
    Err(match byte {
        b' ' if end > start => return Ok(Some((end_of_path, end))),
        b' ' => &error::EMPTY_TARGET,
        b'#' => &error::FRAGMENT_IN_TARGET,
        b'\n' => &error::BARE_LF,
        b'\r' => match buffer.get(end + 1) {
            None => return Ok(None),
            Some(b'\n') => &error::MISSING_VERSION,
            Some(_) => &error::BARE_CR,
        },
        0x80.. => &error::NON_ASCII_TARGET,
        0..0x20 | 0x7f => &error::CONTROL_IN_TARGET,
        _ => &error::BAD_TARGET_CHARACTER,
    })
}

/// The version and the index after the CRLF that follows it.
fn version(buffer: &[u8], start: usize, head: &Head) -> Result<Option<(Version, usize)>, Fault> {
    if buffer[start..].starts_with(b"HTTP/1.1\r\n") {
        return Ok(Some((Version::Http11, start + b"HTTP/1.1\r\n".len())));
    }
    let mut rest = buffer[start..].iter().copied();
    for expected in *b"HTTP/" {
        match rest.next() {
            Some(byte) if byte == expected => {}
            Some(_) => return Err(&error::BAD_VERSION),
            None => return Ok(None),
        }
    }
    let mut digits = [0; 2];
    for (index, expected_after) in [(0, Some(b'.')), (1, None)] {
        match rest.next() {
            Some(digit) if digit.is_ascii_digit() => digits[index] = digit,
            Some(_) => return Err(&error::BAD_VERSION),
            None => return Ok(None),
        }
        if let Some(expected) = expected_after {
            match rest.next() {
                Some(byte) if byte == expected => {}
                Some(_) => return Err(&error::BAD_VERSION),
                None => return Ok(None),
            }
        }
    }
    let version = match digits {
        [b'1', b'0'] => Version::Http10,
        // RFC 9110 section 2.5: a higher minor version is handled as the highest one we know.
        [b'1', _] => Version::Http11,
        [b'2', b'0'] if head.method.of(buffer) == b"PRI" && head.target.of(buffer) == b"*" => {
            return Err(&error::HTTP2_PREFACE);
        }
        _ => return Err(&error::UNSUPPORTED_VERSION),
    };
    match (rest.next(), rest.next()) {
        (Some(b'\r'), Some(b'\n')) => Ok(Some((version, start + b"HTTP/1.1\r\n".len()))),
        (None | Some(b'\r'), None) => Ok(None),
        (Some(b'\r'), Some(_)) => Err(&error::BARE_CR),
        (Some(b'\n'), _) => Err(&error::BARE_LF),
        (Some(_), _) => Err(&error::BAD_VERSION),
        // An exhausted slice iterator stays exhausted.
        (None, Some(_)) => Ok(None),
    }
}

/// RFC 9112 section 3.2: which form the target has, and whether the method may have it.
fn check_form(buffer: &[u8], head: &mut Head) -> Result<(), Fault> {
    let target = head.target.of(buffer);
    if head.method.of(buffer) == b"CONNECT" {
        let valid = host::parse(target).is_some_and(|found| {
            !found.host.is_empty() && found.port.is_some_and(|port| !port.is_empty())
        });
        // RFC 9110 section 9.3.6: a target without a valid port gets 400. A tunnel is for proxies.
        return Err(if valid { &error::CONNECT_UNSUPPORTED } else { &error::CONNECT_TARGET });
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" if head.method.of(buffer) == b"OPTIONS" => Ok(()),
        b"*" => Err(&error::ASTERISK_TARGET),
        _ => split_absolute_form(buffer, head),
    }
}

/// RFC 9112 section 3.2.2, with the `http` and `https` schemes of RFC 9110 section 4.2.
fn split_absolute_form(buffer: &[u8], head: &mut Head) -> Result<(), Fault> {
    // Schemes are compared without regard to case (RFC 3986 section 3.1).
    let before_query = head.path.of(buffer);
    let scheme_length = ["http://", "https://"]
        .iter()
        .find(|scheme| {
            before_query
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        })
        .ok_or(&error::BAD_TARGET)?
        .len();
    let rest = &before_query[scheme_length..];
    let authority_length = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    // RFC 9110 section 4.2.1 refuses an empty host, section 4.2.4 a user name before the host.
    match host::parse(&rest[..authority_length]) {
        Some(found) if !found.host.is_empty() => {}
        _ => return Err(&error::BAD_TARGET),
    }
    let authority_start = head.path.start as usize + scheme_length;
    head.authority = Span::new(authority_start, authority_start + authority_length);
    head.path.start = head.authority.end;
    Ok(())
}
