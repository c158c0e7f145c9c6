//! Headers of both versions: whole, cut at every byte, and against the rules.

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

/// Found by fuzzing: refused in pieces, and taken when it came at once.
#[test]
fn a_cr_inside_the_line_is_refused_however_it_is_cut() {
    let bytes = b"PROXY UNKNOWN a\rb\r\n";
    assert_eq!(parse(bytes), Err(Fault::Malformed));
    assert_eq!(parse(&bytes[..17]), Err(Fault::Malformed));
}
