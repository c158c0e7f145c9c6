//! The header of the PROXY protocol, version 1 and 2, that a proxy sends before the first request:
//! bytes in, the client's address out. Whether the peer may send one is not decided here.
//!
//! After <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, whose sections are cited.

#[cfg(test)]
mod tests;

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
    // A CR before the last ends the line too early: refused above when it arrives before the LF.
    if text.contains(&b'\r') {
        return Err(Fault::Malformed);
    }
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
