//! What a client may put in front of what proxies say: random bytes, which must change nothing; and
//! random changes of PROXY headers, which must be read the same however they are cut.
#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use trivet_http::forwarded::{Family, Forwarding};
use trivet_http::{Head, Limits, Progress, Trusted, proxy_protocol};

const ROUNDS: u32 = 40_000;

/// xorshift32: the same numbers in every run.
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % bound
    }

    /// Mostly bytes that mean something in a list, a quoted string or an address.
    fn forgery(&mut self) -> Vec<u8> {
        const PIECES: [&[u8]; 22] = [
            b",",
            b", ",
            b";",
            b"\"",
            b"\\",
            b"\\\"",
            b"=",
            b"for=",
            b"for=\"",
            b"proto=https",
            b"host=",
            b"6.6.6.6",
            b"10.0.0.1",
            b"[::1]",
            b"unknown",
            b"_x",
            b":",
            b" ",
            b"\t",
            b"a",
            b"\xff",
            b"https",
        ];
        let count = self.below(9);
        (0..count).flat_map(|_| PIECES[self.below(PIECES.len())].to_vec()).collect()
    }
}

fn read(family: Family, fields: &[(&[u8], &[u8])]) -> (Vec<u8>, Forwarding) {
    let mut buffer = b"GET / HTTP/1.0\r\n".to_vec();
    for (name, value) in fields {
        buffer.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    buffer.extend_from_slice(b"\r\n");
    let mut head = Head::default();
    assert_eq!(head.parse(&buffer, &Limits::default()), Ok(Progress::Complete));
    let trusted = Trusted::parse(["10.0.0.0/8"]).unwrap();
    let forwarding = Forwarding::read(family, &head.fields, &buffer, &trusted);
    (buffer, forwarding)
}

/// All that is believed, with texts in the place of ranges.
fn believed(family: Family, fields: &[(&[u8], &[u8])]) -> String {
    let (buffer, said) = read(family, fields);
    let text = |span: Option<trivet_http::Span>| span.map(|span| span.of(&buffer).to_vec());
    let (host, prefix) = (text(said.host), text(said.prefix));
    format!("{:?} {:?} {host:?} {:?} {prefix:?}", said.client, said.scheme, said.port)
}

#[test]
fn nothing_that_a_client_puts_in_front_changes_what_is_believed() {
    let mut numbers = Numbers(0x7219_4e5d);
    let forwarded: [&[u8]; 4] = [
        b"for=192.0.2.1;proto=http;host=shop",
        b"for=\"[2001:db8::1]:80\";x=\"a,\\\"b\"",
        b"for=192.0.2.1;proto=https, for=10.0.0.2;by=\"_y\"",
        b"for=unknown;host=\"shop:81\"",
    ];
    // Each proxy has added to each list, as `hops counted from the right` supposes.
    let x_forwarded: [[&[u8]; 5]; 2] = [
        [b"192.0.2.1", b"http", b"shop", b"81", b"/shop"],
        [b"192.0.2.1, 10.0.0.2", b"https, http", b"shop, inner", b"443, 80", b"/shop, /"],
    ];
    let names = ["For", "Proto", "Host", "Port", "Prefix"].map(|n| format!("X-Forwarded-{n}"));
    for round in 0..ROUNDS {
        let forgery = numbers.forgery();
        let honest = forwarded[numbers.below(forwarded.len())];
        let in_front = [&forgery, &b", "[..], honest].concat();
        let (name, one_field) = (&b"Forwarded"[..], round % 2 == 0);
        let with_forgery: &[(&[u8], &[u8])] =
            if one_field { &[(name, &in_front)] } else { &[(name, &forgery), (name, honest)] };
        let expected = believed(Family::Forwarded, &[(name, honest)]);
        let found = believed(Family::Forwarded, with_forgery);
        assert_eq!(found, expected, "{}", in_front.escape_ascii());

        let honest = x_forwarded[numbers.below(x_forwarded.len())];
        let forged = honest.map(|value| [&numbers.forgery(), &b","[..], value].concat());
        let fields = |values: [&[u8]; 5]| {
            let all = names.iter().zip(values).map(|(name, value)| (name.clone(), value.to_vec()));
            all.collect::<Vec<_>>()
        };
        let read = |fields: Vec<(String, Vec<u8>)>| {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (name.as_bytes(), &value[..])).collect();
            believed(Family::XForwarded, &fields)
        };
        let forged = forged.each_ref().map(|value| &value[..]);
        assert_eq!(read(fields(forged)), read(fields(honest)), "{forged:?}");
    }
}

#[test]
fn a_changed_proxy_header_is_read_the_same_however_it_is_cut() {
    let mut numbers = Numbers(0x1b87_3593);
    let headers: [&[u8]; 5] = [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\n",
        b"PROXY UNKNOWN\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\0\0\0\0\0\x01\0\x02GET /",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xc0\0\x02\x09\0\0\0\0\0\x01\0\x02\x04\0\x02ab",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    ];
    for _ in 0..ROUNDS {
        let mut bytes = headers[numbers.below(headers.len())].to_vec();
        for _ in 0..numbers.below(3) {
            let at = numbers.below(bytes.len());
            match numbers.below(4) {
                0 => bytes[at] ^= 1 << numbers.below(8),
                1 => bytes[at] = numbers.below(256) as u8,
                2 => bytes.insert(at, b"\r\n \0"[numbers.below(4)]),
                _ => drop(bytes.remove(at)),
            }
        }
        let whole = proxy_protocol::parse(&bytes);
        let first = (0..=bytes.len()).map(|end| proxy_protocol::parse(&bytes[..end]));
        let first = first.into_iter().find(|result| *result != Ok(None)).unwrap_or(Ok(None));
        assert_eq!(first, whole, "{}", bytes.escape_ascii());
        if let Ok(Some(header)) = whole {
            assert!(header.len <= bytes.len(), "{}", bytes.escape_ascii());
        }
    }
}
