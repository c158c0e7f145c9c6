//! A chunked body taken apart, whatever the cut into pieces (RFC 9112 section 7.1); bytes are never
//! copied. One mechanism: a state machine over bytes, with data passed in bulk.
//!
//! Strict, because every leniency here has been a way to smuggle a request: CRLF only, sizes that are
//! hexadecimal digits and nothing else, extensions of the grammar, trailers that are field lines.

use crate::byte_class::{self, FIELD_VALUE, QUOTED, TOKEN};
use crate::error::{self, Rejection};
use crate::limits::Limits;

/// Takes a chunked body apart. Small and `Copy`; begin each body with `ChunkedDecoder::default()`.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct ChunkedDecoder {
    state: State,
    /// The size while it is read; then the bytes of the chunk that are still to come.
    remaining: u64,
    /// Bytes of the current chunk's announcing line, or of all trailers.
    line_bytes: usize,
    /// Extension bytes that no data has paid for; see `charge_extensions`.
    unpaid_extension_bytes: u64,
    /// Which of `FORBIDDEN_TRAILERS` the trailer name can still be, one bit each.
    candidates: u32,
    name_bytes: u8,
}

/// What one call of [`ChunkedDecoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Body bytes, never none: `input[start..end]`. `input[..consumed]` is used up, and
    /// `consumed == end`.
    Data {
        /// Index of the first body byte.
        start: usize,
        /// Index after the last body byte.
        end: usize,
        /// How much of the input is used up.
        consumed: usize,
    },
    /// The whole input is used up and the body is not over; call again with what comes next.
    NeedMore {
        /// The length of the input.
        consumed: usize,
    },
    /// The last chunk and the trailers are read; the next request begins at `input[consumed..]`.
    End {
        /// How much of the input belonged to this body.
        consumed: usize,
    },
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
enum State {
    #[default]
    FirstDigit,
    Size,
    /// White space after the size or after an extension: only ';' may follow.
    SpaceBeforeSemicolon,
    /// After ';'.
    SpaceBeforeName,
    Name,
    SpaceBeforeEquals,
    SpaceBeforeValue,
    Token,
    Quoted,
    QuotedPair,
    AfterQuoted,
    LineFeedOfSize,
    Data,
    CarriageReturnOfData,
    LineFeedOfData,
    TrailerStart,
    TrailerName,
    TrailerValue,
    LineFeedOfTrailer,
    LineFeedOfEnd,
    Ended,
}

/// Fields that a trailer must not set, because they are needed before the body: they frame or route
/// the message, say who asks, change what is asked, or say what the body is (RFC 9110 section
/// 6.5.1). No trailer becomes a header field here; these are refused because whoever sends them
/// hopes for a party that merges them. Other trailers are checked and dropped.
const FORBIDDEN_TRAILERS: [&[u8]; 23] = [
    // How the message is framed and routed, and what becomes of the connection.
    b"connection",
    b"content-length",
    b"host",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    // Who asks.
    b"authorization",
    b"cookie",
    b"proxy-authorization",
    // What is asked.
    b"cache-control",
    b"expect",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"max-forwards",
    b"pragma",
    b"range",
    // What the body is.
    b"content-encoding",
    b"content-range",
    b"content-type",
];
const ALL_CANDIDATES: u32 = (1 << FORBIDDEN_TRAILERS.len()) - 1;

/// Sizes above this are refused (they would not fit a signed 64-bit number either).
const LARGEST_CHUNK: u64 = 1 << 63;

/// How many full lines of extensions may come before data must pay for them.
const FREE_EXTENSION_LINES: u64 = 4;

impl ChunkedDecoder {
    /// Reads on. Call again with `input[consumed..]`, and whatever has arrived since, until `End`.
    ///
    /// # Errors
    ///
    /// The first byte that cannot belong to a valid chunked body. The decoder is then of no use:
    /// close the connection, because where the next request begins is not known.
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Chunk, Rejection> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Data => {
                    let rest = input.len() - at;
                    let taken = usize::try_from(self.remaining).map_or(rest, |size| size.min(rest));
                    self.remaining -= taken as u64;
                    if self.remaining == 0 {
                        self.state = State::CarriageReturnOfData;
                    }
                    let end = at + taken;
                    return Ok(Chunk::Data { start: at, end, consumed: end });
                }
                State::Ended => return Ok(Chunk::End { consumed: at }),
                _ => {
                    self.state = self.step(byte, limits)?;
                    at += 1;
                    if self.state == State::Ended {
                        return Ok(Chunk::End { consumed: at });
                    }
                }
            }
        }
        Ok(if self.state == State::Ended {
            Chunk::End { consumed: at }
        } else {
            Chunk::NeedMore { consumed: at }
        })
    }

    /// The state after one byte of a line.
    fn step(&mut self, byte: u8, limits: &Limits) -> Result<State, Rejection> {
        match self.state {
            State::CarriageReturnOfData if byte == b'\r' => Ok(State::LineFeedOfData),
            State::LineFeedOfData if byte == b'\n' => Ok(State::FirstDigit),
            State::CarriageReturnOfData | State::LineFeedOfData => Err(error::CHUNK_WITHOUT_CRLF),
            State::LineFeedOfSize if byte == b'\n' => Ok(self.end_of_size_line()),
            State::LineFeedOfTrailer if byte == b'\n' => {
                self.count_trailer_byte(limits)?;
                Ok(State::TrailerStart)
            }
            State::LineFeedOfEnd if byte == b'\n' => Ok(State::Ended),
            State::LineFeedOfSize | State::LineFeedOfTrailer | State::LineFeedOfEnd => {
                Err(error::BARE_CR_IN_CHUNKED)
            }
            // Quoted text may not hold a line end either (CVE-2025-55315).
            _ if byte == b'\n' => Err(error::BARE_LF_IN_CHUNKED),
            State::TrailerStart | State::TrailerName | State::TrailerValue => {
                self.step_in_trailer(byte, limits)
            }
            _ => self.step_in_size_line(byte, limits),
        }
    }

    /// `chunk-size [ chunk-ext ] CRLF`, up to its CR.
    fn step_in_size_line(&mut self, byte: u8, limits: &Limits) -> Result<State, Rejection> {
        if byte != b'\r' {
            self.count_size_line_byte(limits)?;
        }
        match self.state {
            State::FirstDigit | State::Size => match (self.state, byte) {
                (_, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                    // Above 2^63 already, or about to be: 2^59 × 16 = 2^63.
                    if self.remaining > LARGEST_CHUNK / 16 {
                        return Err(error::CHUNK_TOO_LARGE);
                    }
                    self.remaining = self.remaining * 16 + digit;
                    if self.remaining > LARGEST_CHUNK {
                        return Err(error::CHUNK_TOO_LARGE);
                    }
                    Ok(State::Size)
                }
                (State::Size, _) => after_element(byte).ok_or(error::BAD_CHUNK_SIZE),
                _ => Err(error::BAD_CHUNK_SIZE),
            },
            state => {
                self.charge_extensions(limits)?;
                step_in_extension(state, byte).ok_or(error::BAD_CHUNK_EXTENSION)
            }
        }
    }

    /// Leading zeros and extensions are both bounded by the limit for the line.
    fn count_size_line_byte(&mut self, limits: &Limits) -> Result<(), Rejection> {
        self.line_bytes += 1;
        if self.line_bytes > limits.chunk_extension_bytes {
            return Err(error::CHUNK_EXTENSION_TOO_LONG);
        }
        Ok(())
    }

    /// Many small chunks with long extensions make the server read far more than the app gets
    /// (CVE-2023-39326). Each byte of data pays for one byte of extension; some are free.
    fn charge_extensions(&mut self, limits: &Limits) -> Result<(), Rejection> {
        self.unpaid_extension_bytes += 1;
        let free = FREE_EXTENSION_LINES.saturating_mul(limits.chunk_extension_bytes as u64);
        if self.unpaid_extension_bytes > free {
            return Err(error::CHUNK_EXTENSION_TOO_LONG);
        }
        Ok(())
    }

    fn end_of_size_line(&mut self) -> State {
        self.line_bytes = 0;
        self.unpaid_extension_bytes = self.unpaid_extension_bytes.saturating_sub(self.remaining);
        if self.remaining == 0 { State::TrailerStart } else { State::Data }
    }

    /// A field line after the last chunk, or the empty line, up to its CR.
    fn step_in_trailer(&mut self, byte: u8, limits: &Limits) -> Result<State, Rejection> {
        if self.state == State::TrailerStart {
            if byte == b'\r' {
                return Ok(State::LineFeedOfEnd);
            }
            self.candidates = ALL_CANDIDATES;
            self.name_bytes = 0;
        }
        self.count_trailer_byte(limits)?;
        match (self.state, byte) {
            (State::TrailerName, b':') if self.is_forbidden() => Err(error::FORBIDDEN_TRAILER),
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerStart | State::TrailerName, _) if byte_class::is(byte, TOKEN) => {
                self.narrow_candidates(byte);
                Ok(State::TrailerName)
            }
            (State::TrailerValue, b'\r') => Ok(State::LineFeedOfTrailer),
            (State::TrailerValue, _) if byte_class::is(byte, FIELD_VALUE) => {
                Ok(State::TrailerValue)
            }
            _ => Err(error::BAD_TRAILER),
        }
    }

    fn count_trailer_byte(&mut self, limits: &Limits) -> Result<(), Rejection> {
        self.line_bytes += 1;
        if self.line_bytes > limits.trailer_bytes {
            return Err(error::TRAILERS_TOO_LARGE);
        }
        Ok(())
    }

    /// The name is not kept, since it may come in pieces; only what it can still be.
    fn narrow_candidates(&mut self, byte: u8) {
        if self.candidates == 0 {
            return;
        }
        for (index, name) in FORBIDDEN_TRAILERS.iter().enumerate() {
            if name.get(usize::from(self.name_bytes)) != Some(&byte.to_ascii_lowercase()) {
                self.candidates &= !(1 << index);
            }
        }
        self.name_bytes = self.name_bytes.saturating_add(1);
    }

    fn is_forbidden(&self) -> bool {
        FORBIDDEN_TRAILERS.iter().enumerate().any(|(index, name)| {
            self.candidates & (1 << index) != 0 && name.len() == usize::from(self.name_bytes)
        })
    }
}

/// What may follow a size or a complete extension. RFC 9112 section 7.1.1 has "bad" white space
/// before ';', which recipients must take (RFC 9110 section 5.6.3); before CRLF it has none.
fn after_element(byte: u8) -> Option<State> {
    match byte {
        b'\r' => Some(State::LineFeedOfSize),
        b';' => Some(State::SpaceBeforeName),
        b' ' | b'\t' => Some(State::SpaceBeforeSemicolon),
        _ => None,
    }
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`; `None` is a fault.
fn step_in_extension(state: State, byte: u8) -> Option<State> {
    let is_space = matches!(byte, b' ' | b'\t');
    let is_token = byte_class::is(byte, TOKEN);
    match state {
        State::SpaceBeforeSemicolon if is_space => Some(state),
        State::SpaceBeforeSemicolon if byte == b';' => Some(State::SpaceBeforeName),
        State::SpaceBeforeName if is_space => Some(state),
        State::SpaceBeforeName | State::Name if is_token => Some(State::Name),
        // After a name, white space may lead to "=" or to the next ";".
        State::Name if is_space => Some(State::SpaceBeforeEquals),
        State::SpaceBeforeEquals if is_space => Some(state),
        State::Name | State::SpaceBeforeEquals if byte == b'=' => Some(State::SpaceBeforeValue),
        State::SpaceBeforeEquals if byte == b';' => Some(State::SpaceBeforeName),
        State::SpaceBeforeValue if is_space => Some(state),
        State::SpaceBeforeValue if byte == b'"' => Some(State::Quoted),
        State::SpaceBeforeValue | State::Token if is_token => Some(State::Token),
        State::Quoted if byte == b'"' => Some(State::AfterQuoted),
        State::Quoted if byte == b'\\' => Some(State::QuotedPair),
        State::Quoted if byte_class::is(byte, QUOTED) => Some(State::Quoted),
        State::QuotedPair if byte_class::is(byte, FIELD_VALUE) => Some(State::Quoted),
        State::Name | State::Token | State::AfterQuoted => after_element(byte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_a_range_of_the_input_and_the_rest_is_left() {
        let mut decoder = ChunkedDecoder::default();
        let limits = Limits::default();
        let input = b"3;x=y\r\nabc\r\n0\r\n\r\nGET";
        let first = decoder.decode(input, &limits);
        assert_eq!(first, Ok(Chunk::Data { start: 7, end: 10, consumed: 10 }));
        assert_eq!(decoder.decode(&input[10..], &limits), Ok(Chunk::End { consumed: 7 }));
        // The next request is not touched.
        assert_eq!(decoder.decode(b"GET", &limits), Ok(Chunk::End { consumed: 0 }));
        assert_eq!(decoder.decode(b"", &limits), Ok(Chunk::End { consumed: 0 }));
    }

    #[test]
    fn no_input_asks_for_more() {
        let mut decoder = ChunkedDecoder::default();
        let limits = Limits::default();
        assert_eq!(decoder.decode(b"", &limits), Ok(Chunk::NeedMore { consumed: 0 }));
        assert_eq!(decoder.decode(b"2\r", &limits), Ok(Chunk::NeedMore { consumed: 2 }));
        assert_eq!(decoder.decode(b"\n", &limits), Ok(Chunk::NeedMore { consumed: 1 }));
        let data = decoder.decode(b"a", &limits);
        assert_eq!(data, Ok(Chunk::Data { start: 0, end: 1, consumed: 1 }));
    }

    #[test]
    fn limits_count_one_line_and_all_trailers() {
        let limits = Limits { chunk_extension_bytes: 5, trailer_bytes: 6, ..Limits::default() };
        let run = |input: &[u8]| {
            let mut decoder = ChunkedDecoder::default();
            let mut at = 0;
            loop {
                match decoder.decode(&input[at..], &limits)? {
                    Chunk::Data { consumed, .. } => at += consumed,
                    other => return Ok(other),
                }
            }
        };
        assert!(run(b"1;a=b\r\nx\r\n1;a=b\r\nx\r\n0\r\nA:12\r\n\r\n").is_ok());
        assert_eq!(run(b"1;a=bc"), Err(error::CHUNK_EXTENSION_TOO_LONG));
        assert_eq!(run(b"000001"), Err(error::CHUNK_EXTENSION_TOO_LONG));
        assert_eq!(run(b"0\r\nA:123\r\n"), Err(error::TRAILERS_TOO_LARGE));
        assert_eq!(run(b"0\r\nA:\r\nB:1"), Err(error::TRAILERS_TOO_LARGE));
    }

    #[test]
    fn data_pays_for_extensions() {
        let limits = Limits { chunk_extension_bytes: 10, ..Limits::default() };
        let mut decoder = ChunkedDecoder::default();
        // 9 bytes of extension for 10 bytes of data: for ever.
        for _ in 0..100 {
            let found = decoder.decode(b"a;234567\r\n0123456789", &limits);
            assert_eq!(found, Ok(Chunk::Data { start: 10, end: 20, consumed: 20 }));
            assert_eq!(decoder.decode(b"\r\n", &limits), Ok(Chunk::NeedMore { consumed: 2 }));
        }
    }
}
