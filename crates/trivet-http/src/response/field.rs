//! The status and the fields that an app gave: checked, so that no app can be made to write a head
//! of someone else's choosing, and appended. What Trivet adds itself is written in `response`.

use std::fmt;

use crate::byte_class::{self, FIELD_VALUE, TOKEN};
use crate::known::equals_lower_case;

/// What a field was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Appended; nothing to remember.
    Plain,
    /// Not appended: [`super::finish_head`] writes the one of the plan.
    ContentLength(u64),
    /// Appended: the app has its own Date.
    Date,
    /// Appended: the app has its own Server.
    Server,
    /// Not appended: the framing is Trivet's alone (PEP 3333, "Other HTTP Features").
    TransferEncoding,
    /// Not appended: [`super::finish_head`] writes the one of the plan.
    Connection {
        /// The app asks for the connection to be closed.
        close: bool,
    },
    /// Not appended: another field about the connection instead of the answer.
    HopByHop,
}

/// Fields that concern one connection only (RFC 9110 section 7.6.1); PEP 3333 forbids them to apps,
/// with the list of `wsgiref.util.is_hop_by_hop`.
/// `Trailer` announces what is never sent here: the trailers that an app cannot give.
const HOP_BY_HOP: [&[u8]; 8] = [
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"trailers",
    b"upgrade",
];

/// Something that an app gave and that must not be sent: a fault of the app, answered with 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, in words.
    pub what: &'static str,
    /// The text that is wrong, control characters and quotes escaped, cut after 100 bytes.
    pub text: String,
}

impl Invalid {
    #[cold]
    fn new(what: &'static str, text: &[u8]) -> Self {
        let shown = &text[..text.len().min(100)];
        let dots = if shown.len() < text.len() { "…" } else { "" };
        Self { what, text: format!("{}{dots}", shown.escape_ascii()) }
    }

    /// The app has given two lengths, and which of them its body has nobody knows.
    #[cold]
    #[must_use]
    pub fn two_lengths(first: u64, second: u64) -> Self {
        let text = format!("{first}, {second}");
        Self::new("two different values of Content-Length were given", text.as_bytes())
    }

    #[cold]
    fn in_field(what: &'static str, name: &[u8], value: &[u8]) -> Self {
        Self::new(what, &[name, value].join(&b": "[..]))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: \"{}\"", self.what, self.text)
    }
}

impl std::error::Error for Invalid {}

/// `200 OK` → `(200, "OK")`: three digits, then the end or a space and a reason (PEP 3333,
/// "The start_response() Callable"; RFC 9110 section 15, RFC 9112 section 4).
///
/// # Errors
///
/// Another form; a status below 200, which is never the final answer, so the client would wait; a
/// reason with control characters.
pub fn parse_status(status: &[u8]) -> Result<(u16, &[u8]), Invalid> {
    let (number, reason) = match status {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            let value = |digit: &u8| u16::from(digit - b'0');
            (100 * value(a) + 10 * value(b) + value(c), rest)
        }
        _ => {
            return Err(Invalid::new("the status does not begin with three digits", status));
        }
    };
    let reason = match reason {
        [] => reason,
        [b' ', reason @ ..] => reason,
        _ => {
            return Err(Invalid::new("the status has no space after its three digits", status));
        }
    };
    if number < 200 {
        return Err(Invalid::new(
            "the status is below 200, which cannot be a final answer",
            status,
        ));
    }
    if first_bad_value_byte(reason).is_some() {
        return Err(Invalid::new("the status contains a control character", status));
    }
    Ok((number, reason))
}

/// Checks a field and appends `Name: value` and CRLF, unless Trivet writes that field itself; tells
/// what it was. Nothing is appended on error.
///
/// # Errors
///
/// A name that is not a token, a value with CR, LF, NUL or another control character but HTAB
/// (RFC 9110 section 5.5), a Content-Length that is not a number.
#[inline]
pub fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<Noted, Invalid> {
    if name.is_empty() || byte_class::skip(name, 0, TOKEN) != name.len() {
        return Err(Invalid::new(
            "a header name is empty or contains a character not allowed there",
            name,
        ));
    }
    if first_bad_value_byte(value).is_some() {
        return Err(Invalid::in_field("a header value contains a control character", name, value));
    }
    let noted = note(name, value)?;
    if matches!(noted, Noted::Plain | Noted::Date | Noted::Server) {
        out.reserve(name.len() + value.len() + 4);
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    Ok(noted)
}

/// The length tells most names apart.
fn note(name: &[u8], value: &[u8]) -> Result<Noted, Invalid> {
    let is = |expected: &[u8]| equals_lower_case(name, expected);
    Ok(match name.len() {
        4 if is(b"date") => Noted::Date,
        6 if is(b"server") => Noted::Server,
        10 if is(b"connection") => Noted::Connection { close: says_close(value) },
        14 if is(b"content-length") => Noted::ContentLength(content_length(name, value)?),
        17 if is(b"transfer-encoding") => Noted::TransferEncoding,
        _ if HOP_BY_HOP.iter().any(|expected| is(expected)) => Noted::HopByHop,
        _ => Noted::Plain,
    })
}

fn says_close(value: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// As apps write it: white space around the digits is forgiven, since none of it is sent on.
fn content_length(name: &[u8], value: &[u8]) -> Result<u64, Invalid> {
    let digits = value.trim_ascii();
    let number = digits.iter().all(u8::is_ascii_digit).then_some(digits);
    number
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Invalid::in_field("the length of the answer is not a number", name, value))
}

/// Eight bytes at a time: a byte that is below a space or DEL makes the word suspect, and then each
/// byte of it is looked up.
fn first_bad_value_byte(value: &[u8]) -> Option<u8> {
    let bad = |bytes: &[u8]| bytes.iter().copied().find(|&byte| !byte_class::is(byte, FIELD_VALUE));
    let mut words = value.chunks_exact(8);
    for bytes in &mut words {
        let suspect =
            bytes.iter().fold(false, |suspect, &byte| suspect | (byte < b' ') | (byte == 0x7f));
        if suspect && let Some(byte) = bad(bytes) {
            return Some(byte);
        }
    }
    bad(words.remainder())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &[u8], value: &[u8]) -> (Result<Noted, Invalid>, Vec<u8>) {
        let mut out = b"before".to_vec();
        let noted = write_field(&mut out, name, value);
        (noted, out.split_off(b"before".len()))
    }

    #[test]
    fn statuses_of_the_form_are_split() {
        assert_eq!(parse_status(b"200 OK").unwrap(), (200, &b"OK"[..]));
        assert_eq!(parse_status(b"404").unwrap(), (404, &b""[..]));
        assert_eq!(parse_status(b"404 ").unwrap(), (404, &b""[..]));
        assert_eq!(parse_status(b"999 Caf\xe9\tau lait").unwrap(), (999, &b"Caf\xe9\tau lait"[..]));
    }

    #[test]
    fn statuses_of_another_form_are_refused() {
        for status in [
            &b""[..],
            b"OK",
            b"20",
            b"20x OK",
            b" 200 OK",
            b"2000 OK",
            b"200OK",
            b"-20 OK",
            b"200 OK\r\nX: y",
            b"200 O\nK",
            b"200 O\0K",
            b"200 O\x7fK",
            b"200\r\n",
            b"200\tOK",
            b"100 Continue",
            b"101 Switching Protocols",
            b"000 None",
        ] {
            assert!(parse_status(status).is_err(), "{}", status.escape_ascii());
        }
    }

    #[test]
    fn a_plain_field_is_appended_as_given() {
        let (noted, out) = write(b"X-Name", b"a\tb \xff");
        assert_eq!(noted, Ok(Noted::Plain));
        assert_eq!(out, b"X-Name: a\tb \xff\r\n");
        assert_eq!(write(b"x", b"").1, b"x: \r\n");
    }

    #[test]
    fn date_and_server_are_appended_and_noted() {
        assert_eq!(write(b"DATE", b"now"), (Ok(Noted::Date), b"DATE: now\r\n".to_vec()));
        assert_eq!(write(b"Server", b"me"), (Ok(Noted::Server), b"Server: me\r\n".to_vec()));
    }

    #[test]
    fn framing_and_connection_fields_are_noted_and_not_appended() {
        for (name, value, expected) in [
            ("Content-Length", "12", Noted::ContentLength(12)),
            ("content-length", " 12 ", Noted::ContentLength(12)),
            ("Transfer-Encoding", "chunked", Noted::TransferEncoding),
            ("Connection", "close", Noted::Connection { close: true }),
            ("connection", "x, Close", Noted::Connection { close: true }),
            ("Connection", "keep-alive", Noted::Connection { close: false }),
            ("Connection", "disclose", Noted::Connection { close: false }),
            ("Keep-Alive", "timeout=5", Noted::HopByHop),
            ("Proxy-Authenticate", "x", Noted::HopByHop),
            ("TE", "x", Noted::HopByHop),
            ("Trailer", "x", Noted::HopByHop),
            ("Upgrade", "websocket", Noted::HopByHop),
        ] {
            let (noted, out) = write(name.as_bytes(), value.as_bytes());
            assert_eq!(noted, Ok(expected), "{name}: {value}");
            assert_eq!(out, b"", "{name}: {value}");
        }
    }

    #[test]
    fn no_byte_that_ends_a_line_or_a_string_gets_into_a_name() {
        for byte in 0..=255_u8 {
            let name = [b'a', byte];
            assert_eq!(write(&name, b"v").0.is_ok(), byte_class::is(byte, TOKEN), "{byte:#x}");
        }
        assert!(write(b"", b"v").0.is_err());
    }

    #[test]
    fn no_control_byte_gets_into_a_value_wherever_it_stands() {
        for length in [1, 7, 8, 9, 16, 23] {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    let mut value = vec![b'v'; length];
                    value[place] = byte;
                    let (noted, out) = write(b"X", &value);
                    let allowed = byte == b'\t' || !byte.is_ascii_control();
                    assert_eq!(noted.is_ok(), allowed, "{byte:#x} at {place} of {length}");
                    assert_eq!(out.is_empty(), !allowed, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn lengths_that_are_no_numbers_are_refused() {
        for value in ["", " ", "+1", "-1", "1 2", "1,2", "0x1", "18446744073709551616", "\u{663}"] {
            assert!(write(b"Content-Length", value.as_bytes()).0.is_err(), "{value}");
        }
    }

    #[test]
    fn what_is_invalid_is_shown_without_control_characters() {
        let shown = write(b"X", b"a\r\nSet-Cookie: b").0.unwrap_err().to_string();
        assert_eq!(
            shown,
            r#"a header value contains a control character: "X: a\r\nSet-Cookie: b""#
        );
        let long = write(b"X", &[b'\n'; 500]).0.unwrap_err();
        assert!(long.text.len() < 250 && long.text.ends_with('…'));
    }
}
