//! A chunked body: the same whatever the cut, no byte of framing in the data, an end that is the last.

use trivet_http::{Chunk, ChunkedDecoder, Limits, Rejection};

/// All data, and how it ended: bytes used, or the rejection; `None` when it wants more.
type Decoded = (Vec<u8>, Option<Result<usize, Rejection>>);

/// Checks all of it for one input.
pub fn check(bytes: &[u8]) {
    let whole = decode(&[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode(&single), whole);
    for at in (1..bytes.len()).step_by(bytes.len() / 64 + 1) {
        let (left, right) = bytes.split_at(at);
        assert_eq!(decode(&[left, right]), whole, "cut at {at}");
    }
    assert!(whole.0.len() <= bytes.len());
    if let (data, Some(Ok(used))) = &whole {
        assert!(bytes[..*used].ends_with(b"\r\n"));
        assert_eq!(plainly_decoded(&bytes[..*used]).as_ref(), Some(data));
        // What comes behind belongs to the next request.
        assert_eq!(decode(&[&bytes[..*used], b"0\r\n\r\n"]), whole);
    }
}

fn decode(pieces: &[&[u8]]) -> Decoded {
    let (mut decoder, limits) = (ChunkedDecoder::default(), Limits::default());
    let (mut data, mut used) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        loop {
            match decoder.decode(&piece[at..], &limits) {
                Ok(Chunk::Data { start, end, consumed }) => {
                    assert!(start < end && end == consumed);
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

/// The simplest decoder there is (RFC 9112 section 7.1.3), for bodies that are known to be valid.
fn plainly_decoded(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&bytes[..end]).ok();
        let digits = match line {
            Some(line) => line.split([';', ' ', '\t']).next()?.to_owned(),
            // Bytes outside ASCII may stand in a quoted extension.
            None => {
                let length = bytes.iter().position(|byte| !byte.is_ascii_hexdigit())?;
                String::from_utf8(bytes[..length].to_vec()).ok()?
            }
        };
        let size = usize::from_str_radix(&digits, 16).ok()?;
        if size == 0 {
            return Some(data);
        }
        bytes = bytes.get(end + 2..)?;
        data.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
