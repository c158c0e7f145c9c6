//! One node of a forwarding chain: an address, or an identifier that hides it (RFC 7239 section 6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who a proxy says has sent it a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// With the port where it is told.
    Address(IpAddr, Option<u16>),
    /// `unknown`, or an identifier of the proxy's own that begins with `_`.
    Hidden,
}

/// Reads a node without quotes; `None` when it is not of the grammar. An IPv6 address without
/// brackets, which X-Forwarded-For usually has, is taken too, and can have no port.
pub(crate) fn parse(text: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(Node::Address(address.to_canonical(), None));
    }
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address = address.parse::<Ipv6Addr>().ok()?.to_canonical();
        return Some(Node::Address(address, port_of(port)?));
    } else {
        let at = text.find(':').unwrap_or(text.len());
        (&text[..at], port_of(&text[at..])?)
    };
    if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
        return Some(Node::Hidden);
    }
    // Octets with a zero in front, which some read as octal, are refused by this parser.
    Some(Node::Address(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?), port))
}

/// What stands after the name: nothing, a number, or an identifier that hides the number.
fn port_of(text: &str) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    let port = text.strip_prefix(':')?;
    if is_obfuscated(port) {
        return Some(None);
    }
    decimal_port(port.as_bytes()).map(Some)
}

/// `1*5DIGIT` that a port can be.
pub(crate) fn decimal_port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let port = digits.iter().fold(0, |port: u32, digit| port * 10 + u32::from(digit - b'0'));
    u16::try_from(port).ok()
}

/// `"_" 1*( ALPHA / DIGIT / "." / "_" / "-" )`.
fn is_obfuscated(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_port() {
        for (text, address, port) in [
            ("192.0.2.43", "192.0.2.43", None),
            ("192.0.2.43:47011", "192.0.2.43", Some(47011)),
            ("192.0.2.43:_x", "192.0.2.43", None),
            ("2001:db8:cafe::17", "2001:db8:cafe::17", None),
            ("[2001:DB8:cafe::17]", "2001:db8:cafe::17", None),
            ("[2001:db8:cafe::17]:4711", "2001:db8:cafe::17", Some(4711)),
            ("[::ffff:192.0.2.1]:1", "192.0.2.1", Some(1)),
            ("::ffff:192.0.2.1", "192.0.2.1", None),
            ("192.0.2.43:0", "192.0.2.43", Some(0)),
        ] {
            let expected = Node::Address(address.parse().unwrap(), port);
            assert_eq!(parse(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn hidden_nodes_are_nodes() {
        for text in ["unknown", "Unknown", "unknown:80", "_hidden", "_SEVKISEK", "_a.b-c_1:_p"] {
            assert_eq!(parse(text.as_bytes()), Some(Node::Hidden), "{text}");
        }
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for text in [
            "",
            " ",
            "a",
            "localhost",
            "_",
            "_a b",
            "_a/",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.01",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:+1",
            "192.0.2.1:1:1",
            "[192.0.2.1]",
            "[::1",
            "::1]",
            "[::1]x",
            "[::1]:",
            "[::1]:99999",
            "[fe80::1%eth0]",
            "fe80::1%eth0",
            "1",
            "0x7f.1",
            "\"192.0.2.1\"",
            "192.0.2.1 ",
            "\u{e9}",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\xff"), None);
    }
}
