//! Damages valid requests at random, tens of thousands of times, and checks what must hold for any
//! bytes: the cut does not matter, and what is accepted is what httparse reads too. The random
//! numbers are the same in each run, so a failure can be repeated.

use trivet_http::{Chunk, ChunkedDecoder, Head, Limits, Progress, Rejection};

const ROUNDS: usize = 40_000;

const HEADS: &[&[u8]] = &[
    b"GET /a?b=c HTTP/1.1\r\nHost: example.com:80\r\nAccept: */*\r\nX-Long-Name-Of-Some-Length: a\tb c\r\n\r\n",
    b"POST http://a/b HTTP/1.0\r\nContent-Length: 12\r\nConnection: keep-alive, x\r\nEmpty:\r\n\r\n",
    b"\r\nOPTIONS * HTTP/1.1\r\nhost: [::1]\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
];
const BODIES: &[&[u8]] = &[
    b"5;a=\"b\\\"c\"\r\nhello\r\n10 ; d = e\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\nHosts: b\r\n\r\n",
    b"0001\r\nx\r\n0\r\n\r\n",
];
/// Bytes that mean something somewhere, and some that never do.
const SPECIAL: &[u8] = b"\r\n\t :;,=\"\\/?#%*@[]0159afx\x00\x0b\x7f\x80\xff_-.";

/// xorshift64 (Marsaglia, "Xorshift RNGs", 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn damage(&mut self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let special = SPECIAL[self.below(SPECIAL.len())];
            match self.below(5) {
                0 => bytes[at] = special,
                1 => bytes.insert(at, special),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                3 => {
                    let end = (at + 1 + self.below(20)).min(bytes.len());
                    let copied = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, copied);
                }
                _ => bytes[at] ^= 1 << self.below(8),
            }
        }
        bytes
    }
}

fn parse(bytes: &[u8]) -> (Result<Progress, Rejection>, Head) {
    let mut head = Head::default();
    let result = head.parse(bytes, &Limits::default());
    (result, head)
}

#[test]
fn a_head_means_the_same_however_it_is_cut() {
    let mut random = Random(0x7472_6976_6574);
    for round in 0..ROUNDS {
        let bytes = random.damage(HEADS[round % HEADS.len()]);
        let (whole, head) = parse(&bytes);
        for end in 0..bytes.len() {
            let (cut, cut_head) = parse(&bytes[..end]);
            let agrees = match cut {
                Ok(Progress::Partial) => whole != Ok(Progress::Complete) || end < head.len,
                Ok(Progress::Complete) => whole == cut && head == cut_head && end >= head.len,
                Err(_) => whole == cut,
            };
            assert!(agrees, "{}\ncut at {end}: {cut:?}, whole: {whole:?}", bytes.escape_ascii());
        }
    }
}

#[test]
fn what_is_accepted_httparse_reads_the_same_way() {
    let mut random = Random(0x6874_7470);
    let mut accepted = 0;
    for round in 0..ROUNDS * 5 {
        let bytes = random.damage(HEADS[round % HEADS.len()]);
        let (result, head) = parse(&bytes);
        if result != Ok(Progress::Complete) {
            continue;
        }
        accepted += 1;
        let shown = bytes.escape_ascii();
        let mut slots = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut slots);
        let parsed = request.parse(&bytes);
        if parsed == Err(httparse::Error::Version) {
            // It knows 1.0 and 1.1 alone; we handle 1.2 as 1.1 (RFC 9110 section 2.5).
            let line = &bytes[..head.target.end as usize + b" HTTP/1.x".len()];
            assert!(line.starts_with(b"\r\n") || line.contains(&b'/'), "{shown}");
            assert!(!line.ends_with(b" HTTP/1.1") && !line.ends_with(b" HTTP/1.0"), "{shown}");
            continue;
        }
        assert_eq!(parsed, Ok(httparse::Status::Complete(head.len)), "{shown}");
        assert_eq!(request.method.map(str::as_bytes), Some(head.method.of(&bytes)), "{shown}");
        assert_eq!(request.path.map(str::as_bytes), Some(head.target.of(&bytes)), "{shown}");
        let ours = head.fields.iter().map(|field| (field.name.of(&bytes), field.value.of(&bytes)));
        let theirs = request.headers.iter().map(|header| (header.name.as_bytes(), header.value));
        assert!(ours.eq(theirs), "{shown}");
    }
    assert!(accepted > ROUNDS / 4, "only {accepted} damaged heads were still valid");
}

#[test]
fn what_is_accepted_has_no_line_end_but_crlf_and_no_nul() {
    let mut random = Random(0x6372_6c66);
    for round in 0..ROUNDS * 5 {
        let bytes = random.damage(HEADS[round % HEADS.len()]);
        let (result, head) = parse(&bytes);
        if result == Ok(Progress::Complete) {
            let lines: Vec<&[u8]> = bytes[..head.len].split(|&byte| byte == b'\n').collect();
            let (last, lines) = lines.split_last().expect("a split has at least one part");
            let clean = |line: &&[u8]| {
                line.strip_suffix(b"\r")
                    .is_some_and(|line| !line.contains(&b'\r') && !line.contains(&0))
            };
            assert!(last.is_empty() && lines.iter().all(clean), "{}", bytes.escape_ascii());
        }
    }
}

/// All data, and how it ended: bytes used, or the rejection; `None` when it wants more.
type Decoded = (Vec<u8>, Option<Result<usize, Rejection>>);

fn decode(pieces: &[&[u8]]) -> Decoded {
    let (mut decoder, limits) = (ChunkedDecoder::default(), Limits::default());
    let (mut data, mut used) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        loop {
            match decoder.decode(&piece[at..], &limits) {
                Ok(Chunk::Data { start, end, consumed }) => {
                    data.extend_from_slice(&piece[at + start..at + end]);
                    at += consumed;
                }
                Ok(Chunk::NeedMore { consumed }) => {
                    assert_eq!(at + consumed, piece.len());
                    used += piece.len();
                    break;
                }
                Ok(Chunk::End { consumed }) => return (data, Some(Ok(used + at + consumed))),
                Err(rejection) => return (data, Some(Err(rejection))),
            }
        }
    }
    (data, None)
}

#[test]
fn a_chunked_body_means_the_same_however_it_is_cut() {
    let mut random = Random(0x6368_756e_6b73);
    let mut ended = 0;
    for round in 0..ROUNDS {
        let bytes = random.damage(BODIES[round % BODIES.len()]);
        let whole = decode(&[&bytes]);
        ended += usize::from(matches!(whole.1, Some(Ok(_))));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single), whole, "{}", bytes.escape_ascii());
        for at in 1..bytes.len() {
            let (left, right) = bytes.split_at(at);
            assert_eq!(decode(&[left, right]), whole, "{} cut at {at}", bytes.escape_ascii());
        }
    }
    assert!(ended > ROUNDS / 20, "only {ended} damaged bodies were still valid");
}
