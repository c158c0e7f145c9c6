//! Where the body of a request ends: the same reader serves reading ahead, the application and throwing away.

use trivet_http::{Body, Chunk, ChunkedDecoder, Limits, Rejection, error};

/// Why a request body cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client broke the framing, or sent more than is allowed.
    Rejected(Rejection),
    /// The client left in the middle.
    ClientLeft,
    /// The client sent nothing for the whole body timeout, or less than the least rate.
    Stalled,
}

/// What the next bytes mean. All positions are in the input that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Body bytes; everything up to `end` is used up.
    Data { start: usize, end: usize },
    /// Nothing more can be said without more input.
    NeedMore { consumed: usize },
    /// The body is over; what follows belongs to the next request.
    End { consumed: usize },
}

#[derive(Clone, Debug)]
enum Rest {
    Length(u64),
    Chunked(ChunkedDecoder),
    Nothing,
}

/// Reads one request body, whatever its framing (RFC 9112 section 6.3).
#[derive(Clone, Debug)]
pub(crate) struct BodyReader {
    rest: Rest,
    received: u64,
    limit: Option<u64>,
}

impl Default for BodyReader {
    fn default() -> Self {
        Self { rest: Rest::Nothing, received: 0, limit: None }
    }
}

impl BodyReader {
    pub(crate) fn new(body: &Body, limit: Option<u64>) -> Self {
        let rest = match body {
            Body::None | Body::Length(0) => Rest::Nothing,
            Body::Length(length) => Rest::Length(*length),
            Body::Chunked => Rest::Chunked(ChunkedDecoder::default()),
        };
        Self { rest, received: 0, limit }
    }

    /// Whether the whole body has been read.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// Bytes that are still to come, where the framing tells.
    pub(crate) fn known_rest(&self) -> Option<u64> {
        match self.rest {
            Rest::Nothing => Some(0),
            Rest::Length(rest) => Some(rest),
            Rest::Chunked(_) => None,
        }
    }

    /// Takes the next piece of the body off the front of `input`.
    pub(crate) fn step(&mut self, input: &[u8], limits: &Limits) -> Result<Step, Rejection> {
        match &mut self.rest {
            Rest::Nothing => Ok(Step::End { consumed: 0 }),
            Rest::Length(rest) => {
                if input.is_empty() {
                    return Ok(Step::NeedMore { consumed: 0 });
                }
                let end = usize::try_from(*rest).unwrap_or(usize::MAX).min(input.len());
                *rest -= end as u64;
                if *rest == 0 {
                    self.rest = Rest::Nothing;
                }
                Ok(Step::Data { start: 0, end })
            }
            Rest::Chunked(decoder) => match decoder.decode(input, limits)? {
                Chunk::Data { start, end, .. } => {
                    self.received += (end - start) as u64;
                    // A length is checked before the application is called; a chunked body tells
                    // its size only as it comes.
                    if self.limit.is_some_and(|limit| self.received > limit) {
                        return Err(error::BODY_TOO_LARGE);
                    }
                    Ok(Step::Data { start, end })
                }
                Chunk::NeedMore { consumed } => Ok(Step::NeedMore { consumed }),
                Chunk::End { consumed } => {
                    self.rest = Rest::Nothing;
                    Ok(Step::End { consumed })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &Body, input: &[u8]) -> (Vec<u8>, usize) {
        let mut reader = BodyReader::new(body, None);
        let (mut data, mut position) = (Vec::new(), 0);
        loop {
            match reader.step(&input[position..], &Limits::default()).unwrap() {
                Step::Data { start, end } => {
                    data.extend_from_slice(&input[position + start..position + end]);
                    position += end;
                }
                Step::NeedMore { consumed } => return (data, position + consumed),
                Step::End { consumed } => return (data, position + consumed),
            }
        }
    }

    #[test]
    fn a_length_takes_no_byte_of_the_next_request() {
        assert_eq!(read(&Body::Length(5), b"helloGET /"), (b"hello".to_vec(), 5));
    }

    #[test]
    fn chunks_take_no_byte_of_the_next_request() {
        let input = b"5\r\nhello\r\n0\r\n\r\nGET /";
        assert_eq!(read(&Body::Chunked, input), (b"hello".to_vec(), 15));
    }

    #[test]
    fn a_chunked_body_above_the_limit_is_refused() {
        let mut reader = BodyReader::new(&Body::Chunked, Some(4));
        let refused = reader.step(b"5\r\nhello\r\n", &Limits::default());
        assert_eq!(refused, Err(error::BODY_TOO_LARGE));
    }
}
