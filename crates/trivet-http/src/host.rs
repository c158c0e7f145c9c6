//! The grammar of `uri-host [ ":" port ]` (RFC 9110 section 4.2, RFC 3986 section 3.2.2); what a host
//! means is not known here.

use std::net::Ipv6Addr;

use crate::byte_class::{self, REG_NAME};

/// The two parts of a valid `uri-host [ ":" port ]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HostAndPort<'a> {
    pub(crate) host: &'a [u8],
    /// `None` without a colon; empty after a colon without digits, which RFC 3986 allows.
    pub(crate) port: Option<&'a [u8]>,
}

/// Splits and validates; `None` when it is not of the grammar. The host may be empty.
pub(crate) fn parse(text: &[u8]) -> Option<HostAndPort<'_>> {
    let host_length = if text.first() == Some(&b'[') {
        let length = text.iter().position(|&byte| byte == b']')? + 1;
        is_ip_literal(&text[1..length - 1]).then_some(length)?
    } else {
        reg_name_length(text)?
    };
    // A comma is of the grammar, in the name of no host, and what is left when an intermediary has
    // joined two Host fields to one (RFC 9110 section 5.3).
    if text.contains(&b',') {
        return None;
    }
    let (host, rest) = text.split_at(host_length);
    let port = match rest {
        [] => None,
        [b':', digits @ ..] if is_port(digits) => Some(digits),
        _ => return None,
    };
    Some(HostAndPort { host, port })
}

/// How many bytes from the start are a `reg-name`; IPv4 addresses are of this form too.
#[inline]
fn reg_name_length(text: &[u8]) -> Option<usize> {
    let mut at = byte_class::skip(text, 0, REG_NAME);
    while text.get(at) == Some(&b'%') {
        let digits = text.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        at = byte_class::skip(text, at + 3, REG_NAME);
    }
    Some(at)
}

fn is_ip_literal(inside: &[u8]) -> bool {
    if let [b'v' | b'V', rest @ ..] = inside {
        return is_future_address(rest);
    }
    // Zone identifiers ("%eth0") mean something on the client's machine only (RFC 9844), and the
    // parser of the standard library refuses them.
    std::str::from_utf8(inside).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// `IPvFuture` after its "v": `1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`.
fn is_future_address(rest: &[u8]) -> bool {
    let Some(dot) = rest.iter().position(|&byte| byte == b'.') else {
        return false;
    };
    let (version, address) = (&rest[..dot], &rest[dot + 1..]);
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && !address.is_empty()
        && address.iter().all(|&byte| byte == b':' || byte_class::is(byte, REG_NAME))
}

/// `*DIGIT`, and a number that a port can have (RFC 6335 section 6).
fn is_port(digits: &[u8]) -> bool {
    let mut port: u32 = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return false;
        }
        port = port * 10 + u32::from(byte - b'0');
        if port > u32::from(u16::MAX) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_grammar_are_taken() {
        for text in [
            "",
            "a",
            "example.com",
            "example.com:",
            "example.com:80",
            "example.com:65535",
            "my_app:8000",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:8000",
            "[2001:db8::7]",
            "[::ffff:192.0.2.1]:1",
            "a%20b",
            "x--y",
            "v1.example",
            "[v7.a:b]",
            "a;c=d",
            "example.com:00080",
        ] {
            assert!(parse(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_not_of_the_grammar_is_refused() {
        for text in [
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "a:b",
            "a:80:80",
            "a:+80",
            "a:65536",
            "a:99999999999999999999",
            "a:8 0",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[]",
            "[::1%eth0]",
            "[127.0.0.1]",
            "[v.a]",
            "[v1.]",
            "[1::2::3]",
            "a%",
            "a%4",
            "a%zz",
            "a\\b",
            "a<b",
            "a\"b",
            "a\tb",
            "a|b",
            "a^b",
            "{a}",
            "h\u{e9}",
            "[::1]]",
            "a]",
        ] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn host_and_port_are_split_at_the_right_colon() {
        let found = parse(b"[::1]:8000").unwrap();
        assert_eq!((found.host, found.port), (&b"[::1]"[..], Some(&b"8000"[..])));
        let found = parse(b":80").unwrap();
        assert_eq!((found.host, found.port), (&b""[..], Some(&b"80"[..])));
    }
}
