//! The head of an answer: how its body is framed, and its bytes; nothing here knows what an app is.

mod date;
mod field;
mod plan;

pub use date::imf_fixdate;
pub use field::{Invalid, Noted, parse_status, write_field};
pub use plan::{Framing, Plan, plan};

use crate::error::Rejection;
use crate::head::Version;
use crate::word_scan;

/// What ends a chunked body, without trailers (RFC 9112 section 7.1).
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends `HTTP/1.1 200 OK` and CRLF. The version is that of the server, also to HTTP/1.0 clients
/// (RFC 9110 section 2.5). `status` has three digits.
pub fn write_status_line(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    let digit = |divisor: u16| b'0' + (status / divisor % 10) as u8;
    out.extend_from_slice(b"HTTP/1.1 ");
    // The space stays when there is no reason (RFC 9112 section 4).
    out.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

/// Appends what the plan asks for (Content-Length, Transfer-Encoding, Connection), `date` unless it
/// is `None` because the app gave one, `server` unless it is empty, and the empty line. `version` is
/// that of the request.
pub fn finish_head(
    out: &mut Vec<u8>,
    plan: &Plan,
    version: Version,
    date: Option<&[u8; 29]>,
    server: &[u8],
) {
    if let Some(length) = plan.write_length {
        out.extend_from_slice(b"Content-Length: ");
        write_decimal(out, length);
        out.extend_from_slice(b"\r\n");
    } else if plan.framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if plan.close {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if version == Version::Http10 {
        // An HTTP/1.0 client closes unless it is told (RFC 9112 section 9.3).
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    if let Some(date) = date {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\n");
    }
    if !server.is_empty() {
        out.extend_from_slice(b"Server: ");
        out.extend_from_slice(server);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The value of the first field with this name, whatever its case, in a head that was written here.
#[must_use]
pub fn field<'h>(head: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    // Nothing but CR can end a line: controls are in no name, value or reason.
    let mut start = word_scan::skip_value(head, 0) + 2;
    while start < head.len() && head[start] != b'\r' {
        let end = word_scan::skip_value(head, start);
        if let Some((found, rest)) = head[start..end].split_at_checked(name.len())
            && let Some(value) = rest.strip_prefix(b":")
            && found.eq_ignore_ascii_case(name)
        {
            return Some(value.trim_ascii_start());
        }
        start = end + 2;
    }
    None
}

/// Adds a field to a head that has just been finished; name and value are known to be harmless.
pub fn append_field(head: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    head.truncate(head.len().saturating_sub(2));
    for piece in [name, b": ", value, b"\r\n\r\n"] {
        head.extend_from_slice(piece);
    }
}

/// The same where the body follows the head already.
pub fn insert_field(answer: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return };
    let line = [name, b": ", value, b"\r\n"].concat();
    answer.splice(end + 2..end + 2, line);
}

/// The line that announces a chunk of `length` bytes, `1f` and CRLF, and how many bytes of the array
/// it takes. `length` must not be 0: that would end the body.
#[must_use]
pub fn chunk_head(length: usize) -> ([u8; 18], usize) {
    debug_assert!(length > 0, "a chunk of no bytes ends the body");
    let mut line = [0; 18];
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1) as usize;
    for (index, place) in line[..digits].iter_mut().enumerate() {
        let shift = 4 * (digits - 1 - index);
        *place = b"0123456789abcdef"[length >> shift & 0xf];
    }
    line[digits..digits + 2].copy_from_slice(b"\r\n");
    (line, digits + 2)
}

/// Appends a complete short answer that explains the rejection and announces the end of the
/// connection; the body is left out in an answer to HEAD.
pub fn write_rejection(
    out: &mut Vec<u8>,
    rejection: &Rejection,
    date: &[u8; 29],
    server: &[u8],
    is_head: bool,
) {
    write_status_line(out, rejection.status, reason(rejection.status).as_bytes());
    out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
    if rejection.status == 503 {
        // RFC 9110 section 15.6.4; the shortest time that can be said.
        out.extend_from_slice(b"Retry-After: 1\r\n");
    }
    let plan = Plan {
        framing: Framing::NoBody,
        send_body: !is_head,
        close: true,
        write_length: Some(rejection.explanation.len() as u64 + 1),
    };
    finish_head(out, &plan, Version::Http11, Some(date), server);
    if plan.send_body {
        out.extend_from_slice(rejection.explanation.as_bytes());
        out.push(b'\n');
    }
}

/// The reason phrase of RFC 9110 section 15 (and RFC 6585) for the statuses that Trivet itself sends.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

fn write_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;

    const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

    fn head(plan: &Plan, version: Version, date: Option<&[u8; 29]>, server: &[u8]) -> String {
        let mut out = Vec::new();
        finish_head(&mut out, plan, version, date, server);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_field_is_found_in_a_head_and_not_behind_it() {
        let head = b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nX-A:\r\nX: y\r\nx: z\r\n\r\nServer: no\r\n";
        assert_eq!(field(head, b"etag"), Some(&b"\"1\""[..]));
        assert_eq!(field(head, b"x-a"), Some(&b""[..]));
        assert_eq!(field(head, b"x"), Some(&b"y"[..]));
        assert_eq!(field(head, b"server"), None);
        assert_eq!(field(head, b"http/1.1 200 ok"), None);
    }

    #[test]
    fn a_field_is_inserted_at_the_end_of_the_head() {
        for (before, after) in [
            ("HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"),
            (
                "HTTP/1.1 200 OK\r\nA: b\r\n\r\nc\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA: b\r\nX: y\r\n\r\nc\r\n\r\n",
            ),
            ("no head", "no head"),
        ] {
            let mut head = before.as_bytes().to_vec();
            if before.ends_with("\r\n\r\n") && !before.contains('c') {
                append_field(&mut head, b"X", b"y");
                assert_eq!(head, after.as_bytes(), "{before}");
            }
            let mut answer = before.as_bytes().to_vec();
            insert_field(&mut answer, b"X", b"y");
            assert_eq!(answer, after.as_bytes(), "{before}");
        }
    }

    #[test]
    fn status_lines_keep_their_space_without_a_reason() {
        let mut out = Vec::new();
        write_status_line(&mut out, 200, b"OK");
        write_status_line(&mut out, 404, b"");
        assert_eq!(out, b"HTTP/1.1 200 OK\r\nHTTP/1.1 404 \r\n");
    }

    #[test]
    fn a_head_says_how_the_body_ends() {
        let known = plan(Version::Http11, false, 200, None, Some(18_446_744_073_709_551_615), true);
        assert_eq!(
            head(&known, Version::Http11, None, b""),
            "Content-Length: 18446744073709551615\r\n\r\n"
        );
        let unknown = plan(Version::Http11, false, 200, None, None, true);
        assert_eq!(
            head(&unknown, Version::Http11, None, b""),
            "Transfer-Encoding: chunked\r\n\r\n"
        );
        let to_old = plan(Version::Http10, false, 200, None, None, true);
        assert_eq!(head(&to_old, Version::Http10, None, b""), "Connection: close\r\n\r\n");
        let empty = plan(Version::Http11, false, 204, Some(3), None, true);
        assert_eq!(head(&empty, Version::Http11, None, b""), "\r\n");
    }

    #[test]
    fn a_head_says_whether_the_connection_stays() {
        let stays = plan(Version::Http10, false, 200, Some(0), None, true);
        assert_eq!(
            head(&stays, Version::Http10, None, b""),
            "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"
        );
        let closes = plan(Version::Http11, false, 200, Some(0), None, false);
        assert_eq!(
            head(&closes, Version::Http11, Some(DATE), b"trivet"),
            "Content-Length: 0\r\nConnection: close\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: trivet\r\n\r\n"
        );
    }

    #[test]
    fn chunk_heads_are_hexadecimal() {
        for length in [1, 9, 15, 16, 255, 256, 4096, 65_535, 1 << 31, usize::MAX] {
            let (line, used) = chunk_head(length);
            assert_eq!(line[..used], *format!("{length:x}\r\n").as_bytes());
        }
    }

    #[test]
    fn a_rejection_is_a_complete_answer_that_closes() {
        let mut out = Vec::new();
        write_rejection(&mut out, &error::MISSING_HOST, DATE, b"trivet", false);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        assert!(head.contains("\r\nConnection: close"));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        assert_eq!(body, format!("{}\n", error::MISSING_HOST.explanation));

        let mut to_head = Vec::new();
        write_rejection(&mut to_head, &error::MISSING_HOST, DATE, b"trivet", true);
        assert_eq!(to_head, text.as_bytes()[..text.len() - body.len()]);
    }

    #[test]
    fn every_rejection_has_a_reason_phrase() {
        for rejection in error::ALL {
            assert_ne!(reason(rejection.status), "", "add {} to `reason`", rejection.status);
        }
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let mut out = Vec::new();
        write_rejection(&mut out, &error::OVERLOADED, DATE, b"", false);
        assert!(String::from_utf8(out).unwrap().contains("\r\nRetry-After: 1\r\n"));
    }
}
