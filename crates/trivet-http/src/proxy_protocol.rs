//! The header of the PROXY protocol, version 1 and 2, that a proxy sends before the first request:
//! bytes in, the client's address out. Whether the peer may send one is not decided here.
//!
//! After <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, whose sections are cited.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A longer header is refused. An address takes 52 bytes, and what senders add to it (ids, names, the
/// subject of a certificate) some hundreds.
pub const LONGEST_HEADER: usize = 4096;

/// A header that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who has connected to the proxy.
    pub source: Source,
    /// The bytes of the header; the first request follows.
    pub len: usize,
}

/// Who has connected to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A client with this address.
    Address(SocketAddr),
    /// Nobody: the proxy speaks for itself, as for a health check (command LOCAL).
    Proxy,
    /// A client without an address, or with one of a kind that is not known here.
    Unknown,
}

/// Why bytes are not the header of a connection that must begin with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are something else, such as a request.
    Missing,
    /// They begin as a header and go on against its rules.
    Malformed,
    /// It is longer than [`LONGEST_HEADER`], or than the 107 bytes of version 1.
    TooLong,
    /// Its checksum is wrong.
    BadChecksum,
}

impl Fault {
    /// Stable, in kebab-case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "proxy-header-missing",
            Self::Malformed => "proxy-header-malformed",
            Self::TooLong => "proxy-header-too-long",
            Self::BadChecksum => "proxy-header-bad-checksum",
        }
    }
}

/// Section 2.1: every line of version 1 fits, its CRLF counted.
const LONGEST_LINE: usize = 107;
const SIGNATURE_1: &[u8] = b"PROXY ";
const SIGNATURE_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length (section 2.2).
const FIXED_LENGTH: usize = 16;

/// Reads a header from the start of what a connection has sent; `None` when it is valid so far and
/// more is needed. Bytes behind the header are not looked at.
///
/// # Errors
/// As soon as the bytes that are there cannot become a header.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    for (signature, parse) in [(SIGNATURE_1, line as fn(&[u8]) -> _), (SIGNATURE_2, binary)] {
        let common = bytes.len().min(signature.len());
        if bytes[..common] == signature[..common] {
            return if common < signature.len() { Ok(None) } else { parse(bytes) };
        }
    }
    Err(Fault::Missing)
}

/// Section 2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CRLF.
fn line(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let window = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        let has_line_end = window[..window.len() - 1].contains(&b'\r');
        return match (has_line_end, window.len() < LONGEST_LINE) {
            (true, _) => Err(Fault::Malformed),
            (false, true) => Ok(None),
            (false, false) => Err(Fault::TooLong),
        };
    };
    let text = window[SIGNATURE_1.len()..end].strip_suffix(b"\r").ok_or(Fault::Malformed)?;
    let source = source_of_line(text).ok_or(Fault::Malformed)?;
    Ok(Some(Header { source, len: end + 1 }))
}

fn source_of_line(text: &[u8]) -> Option<Source> {
    let text = std::str::from_utf8(text).ok()?;
    // "the receiver must ignore anything presented before the CRLF"
    if text == "UNKNOWN" || text.starts_with("UNKNOWN ") {
        return Some(Source::Unknown);
    }
    let mut words = text.split(' ');
    let is_wanted: fn(&IpAddr) -> bool = match words.next()? {
        "TCP4" => IpAddr::is_ipv4,
        "TCP6" => IpAddr::is_ipv6,
        _ => return None,
    };
    let mut address = || words.next()?.parse::<IpAddr>().ok().filter(is_wanted);
    let (source, _destination) = (address()?, address()?);
    let mut port = || {
        let word = words.next()?;
        let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
        let has_zeros_in_front = word.len() > 1 && word.starts_with('0');
        (is_plain && !has_zeros_in_front).then(|| word.parse::<u16>().ok())?
    };
    let (source_port, _destination_port) = (port()?, port()?);
    words.next().is_none().then(|| Source::Address(SocketAddr::new(source, source_port)))
}

/// Section 2.2.
fn binary(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    // What has arrived is judged at once, so that a wrong byte is not waited on.
    let command = match bytes.get(12) {
        None => return Ok(None),
        Some(0x20) => Command::Local,
        Some(0x21) => Command::Proxy,
        Some(_) => return Err(Fault::Malformed),
    };
    let family = match bytes.get(13) {
        None => return Ok(None),
        Some(byte) => Family::of(*byte),
    };
    let (Some(high), Some(low)) = (bytes.get(14), bytes.get(15)) else { return Ok(None) };
    let len = FIXED_LENGTH + usize::from(u16::from_be_bytes([*high, *low]));
    if len > LONGEST_HEADER {
        return Err(Fault::TooLong);
    }
    let Some(header) = bytes.get(..len) else { return Ok(None) };
    let payload = &header[FIXED_LENGTH..];
    let source = match (command, family) {
        (Command::Local, _) => Source::Proxy,
        (Command::Proxy, None) => return Err(Fault::Malformed),
        (Command::Proxy, Some(family)) => family.source(payload).ok_or(Fault::Malformed)?,
    };
    check(header, family.map_or(0, Family::address_bytes), source)?;
    Ok(Some(Header { source, len }))
}

enum Command {
    Local,
    Proxy,
}

/// Address families; whether the transport is a stream or datagrams (QUIC at the proxy) does not
/// matter to the layout.
#[derive(Clone, Copy)]
enum Family {
    Unspecified,
    Inet,
    Inet6,
    Unix,
}

impl Family {
    /// `None` for values that version 2 has not given a meaning.
    fn of(byte: u8) -> Option<Self> {
        match byte {
            0x00 => Some(Self::Unspecified),
            0x11 | 0x12 => Some(Self::Inet),
            0x21 | 0x22 => Some(Self::Inet6),
            0x31 | 0x32 => Some(Self::Unix),
            _ => None,
        }
    }

    /// Two addresses, and two ports where there are ports.
    fn address_bytes(self) -> usize {
        match self {
            Self::Unspecified => 0,
            Self::Inet => 12,
            Self::Inet6 => 36,
            Self::Unix => 216,
        }
    }

    /// `None` when the payload is too short for its family.
    fn source(self, payload: &[u8]) -> Option<Source> {
        let addresses = payload.get(..self.address_bytes())?;
        let port = |at: usize| Some(u16::from_be_bytes(*addresses.get(at..)?.first_chunk()?));
        Some(match self {
            Self::Unspecified | Self::Unix => Source::Unknown,
            Self::Inet => {
                let address = Ipv4Addr::from(*addresses.first_chunk::<4>()?);
                Source::Address(SocketAddr::new(address.into(), port(8)?))
            }
            Self::Inet6 => {
                let address = Ipv6Addr::from(*addresses.first_chunk::<16>()?).to_canonical();
                Source::Address(SocketAddr::new(address, port(32)?))
            }
        })
    }
}

const TYPE_CRC32C: u8 = 0x03;

/// Section 2.2.3: a checksum that is there must be right. Other additions are passed over.
fn check(header: &[u8], address_bytes: usize, source: Source) -> Result<(), Fault> {
    let mut at = FIXED_LENGTH + address_bytes;
    while at < header.len() {
        let Some(value) = value_at(header, at) else {
            // Without an address, what follows need not be additions (section 2.2: "ignore").
            let may_be_anything = !matches!(source, Source::Address(_));
            return if may_be_anything { Ok(()) } else { Err(Fault::Malformed) };
        };
        if header[at] == TYPE_CRC32C {
            let Ok(given) = <[u8; 4]>::try_from(&header[value.clone()]) else {
                return Err(Fault::Malformed);
            };
            let parts = [&header[..value.start], &[0; 4], &header[value.end..]];
            if crc32c(parts) != u32::from_be_bytes(given) {
                return Err(Fault::BadChecksum);
            }
        }
        at = value.end;
    }
    Ok(())
}

/// The range of the value of the addition at `at`: type, length of two bytes, value.
fn value_at(header: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let length = u16::from_be_bytes(*header.get(at + 1..)?.first_chunk()?);
    let start = at + 3;
    let end = start + usize::from(length);
    (end <= header.len()).then_some(start..end)
}

/// RFC 9260 appendix A. Bit by bit: it is computed once for a connection, over some hundred bytes.
fn crc32c(parts: [&[u8]; 3]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut crc = u32::MAX;
    for byte in parts.into_iter().flatten() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (REVERSED_POLYNOMIAL & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [SIGNATURE_2, &[command, family], &length, payload].concat()
    }

    fn address(text: &str) -> Source {
        Source::Address(text.parse().unwrap())
    }

    const INET: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0x01, 0xbb];

    fn inet6() -> Vec<u8> {
        let source: Ipv6Addr = "2001:db8::7".parse().unwrap();
        [&source.octets()[..], &[0; 16], &4711_u16.to_be_bytes(), &[0, 80]].concat()
    }

    fn with_checksum(family: u8, addresses: &[u8]) -> Vec<u8> {
        let more = [addresses, &[0x04, 0, 2, 7, 7], &[TYPE_CRC32C, 0, 4, 0, 0, 0, 0], &[5, 0, 0]];
        let mut header = v2(0x21, family, &more.concat());
        let at = FIXED_LENGTH + addresses.len() + 8;
        let crc = crc32c([&header, &[], &[]]).to_be_bytes();
        header[at..at + 4].copy_from_slice(&crc);
        header
    }

    fn valid() -> Vec<(Vec<u8>, Source)> {
        let line = |text: &str| text.as_bytes().to_vec();
        vec![
            (line("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), address("192.0.2.1:56324")),
            (line("PROXY TCP6 2001:db8::7 ::1 4711 80\r\n"), address("[2001:db8::7]:4711")),
            (line("PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n"), address("255.255.255.255:0")),
            (line("PROXY UNKNOWN\r\n"), Source::Unknown),
            (line("PROXY UNKNOWN ffff::1 whatever 1 2\r\n"), Source::Unknown),
            (v2(0x21, 0x11, &INET), address("192.0.2.1:56324")),
            (v2(0x21, 0x12, &INET), address("192.0.2.1:56324")),
            (v2(0x21, 0x21, &inet6()), address("[2001:db8::7]:4711")),
            (v2(0x21, 0x31, &[b'/'; 216]), Source::Unknown),
            (v2(0x21, 0x00, &[]), Source::Unknown),
            (v2(0x21, 0x00, b"anything"), Source::Unknown),
            (v2(0x20, 0x00, &[]), Source::Proxy),
            (v2(0x20, 0x11, &INET), Source::Proxy),
            (v2(0x20, 0xff, b"anything"), Source::Proxy),
            (with_checksum(0x11, &INET), address("192.0.2.1:56324")),
            (with_checksum(0x21, &inet6()), address("[2001:db8::7]:4711")),
        ]
    }

    #[test]
    fn a_header_is_read_whole_and_cut_at_every_byte() {
        for (bytes, source) in valid() {
            let shown = bytes.escape_ascii();
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(None), "{shown} {end}");
            }
            let header = Header { source, len: bytes.len() };
            assert_eq!(parse(&bytes), Ok(Some(header)), "{shown}");
            let with_request = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse(&with_request), Ok(Some(header)), "{shown}");
        }
    }

    #[test]
    fn a_fault_is_told_at_its_byte() {
        for (bytes, fault) in [
            (&b"G"[..], Fault::Missing),
            (b"PROXZ", Fault::Missing),
            (b"PROXY\t", Fault::Missing),
            (b"\r\n\r\n\0\r\nQUIT\r", Fault::Missing),
            (b"\r\n\r\nG", Fault::Missing),
            (b"\x16", Fault::Missing),
            (b"PROXY UNKNOWN\n", Fault::Malformed),
            (b"PROXY UNKNOWN\rx", Fault::Malformed),
            (b"\r\n\r\n\0\r\nQUIT\n\x11", Fault::Malformed),
            (b"\r\n\r\n\0\r\nQUIT\n\x22", Fault::Malformed),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", Fault::TooLong),
        ] {
            let before = parse(&bytes[..bytes.len() - 1]);
            assert_eq!(before, Ok(None), "{}", bytes.escape_ascii());
            assert_eq!(parse(bytes), Err(fault), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn lines_against_the_rules_are_refused() {
        for text in [
            "",
            " ",
            "TCP4",
            "tcp4 192.0.2.1 192.0.2.2 1 2",
            "TCP5 192.0.2.1 192.0.2.2 1 2",
            "TCP4 192.0.2.1 192.0.2.2 1",
            "TCP4 192.0.2.1 192.0.2.2 1 2 ",
            "TCP4  192.0.2.1 192.0.2.2 1 2",
            "TCP4 192.0.2.1 192.0.2.2 1 2 3",
            "TCP4 ::1 ::1 1 2",
            "TCP6 192.0.2.1 192.0.2.2 1 2",
            "TCP4 192.0.2.1 ::1 1 2",
            "TCP4 192.0.2.256 192.0.2.2 1 2",
            "TCP4 192.0.2.1 192.0.2.2 65536 2",
            "TCP4 192.0.2.1 192.0.2.2 +1 2",
            "TCP4 192.0.2.1 192.0.2.2 01 2",
            "TCP4 192.0.2.1 192.0.2.2 1 -",
            "TCP4 a 192.0.2.2 1 2",
            "TCP6 [::1] ::1 1 2",
            "TCP6 fe80::1%eth0 ::1 1 2",
            "UNKNOWNX",
            "TCP4 192.0.2.1 192.0.2.2 1 2\r",
        ] {
            let line = format!("PROXY {text}\r\n");
            assert_eq!(parse(line.as_bytes()), Err(Fault::Malformed), "{line:?}");
        }
    }

    #[test]
    fn a_line_ends_within_107_bytes() {
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 16));
        assert_eq!(longest.len(), LONGEST_LINE);
        assert!(matches!(parse(longest.as_bytes()), Ok(Some(_))));
        let longer = format!("PROXY UNKNOWN {}", "x".repeat(LONGEST_LINE - 14));
        assert_eq!(parse(&longer.as_bytes()[..LONGEST_LINE - 1]), Ok(None));
        assert_eq!(parse(longer.as_bytes()), Err(Fault::TooLong));
    }

    #[test]
    fn additions_must_fit_and_a_checksum_must_be_right() {
        for additions in [&[0x04][..], &[0x04, 0], &[0x04, 0, 2, 7], &[TYPE_CRC32C, 0, 1, 0]] {
            let header = v2(0x21, 0x11, &[&INET[..], additions].concat());
            assert_eq!(parse(&header), Err(Fault::Malformed), "{additions:?}");
        }
        let valid = with_checksum(0x11, &INET);
        for at in FIXED_LENGTH..FIXED_LENGTH + INET.len() {
            let mut changed = valid.clone();
            changed[at] ^= 1;
            assert_eq!(parse(&changed), Err(Fault::BadChecksum), "{at}");
        }
        assert_eq!(crc32c([b"1234", b"", b"56789"]), 0xe306_9283);
    }

    #[test]
    fn families_are_those_that_have_a_meaning_and_their_addresses_are_whole() {
        for family in [0x01, 0x02, 0x10, 0x13, 0x41, 0xff] {
            assert_eq!(parse(&v2(0x21, family, &[0; 216])), Err(Fault::Malformed), "{family:#x}");
        }
        for (family, bytes) in [(0x11, 11), (0x21, 35), (0x31, 215)] {
            assert_eq!(parse(&v2(0x21, family, &vec![0; bytes])), Err(Fault::Malformed));
        }
    }

    #[test]
    fn the_longest_header_is_taken_and_no_longer_one() {
        let additions = |length: usize| [&INET[..], &long(length)].concat();
        let most = LONGEST_HEADER - FIXED_LENGTH - INET.len();
        assert!(matches!(parse(&v2(0x21, 0x11, &additions(most))), Ok(Some(_))));
        assert_eq!(parse(&v2(0x21, 0x11, &additions(most + 1))), Err(Fault::TooLong));
    }

    /// One addition of so many bytes in all.
    fn long(length: usize) -> Vec<u8> {
        let value = u16::try_from(length - 3).unwrap();
        [&[0x05][..], &value.to_be_bytes(), &vec![7; usize::from(value)]].concat()
    }
}
