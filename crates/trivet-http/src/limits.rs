//! How much a peer may send before it is refused: plain numbers, no policy about answers.

/// Upper bounds for one request; the defaults are safe on the open internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line, its CRLF not counted. More is answered with 414.
    pub request_line_bytes: usize,
    /// Bytes of the whole head, from the first byte to the end of the empty line. More is answered
    /// with 431.
    pub head_bytes: usize,
    /// Number of field lines. More is answered with 431.
    pub fields: usize,
    /// Bytes of one line that announces a chunk: its size, its extensions, no CRLF.
    pub chunk_extension_bytes: usize,
    /// Bytes of all trailer fields after the last chunk, line ends included.
    pub trailer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_line_bytes: 8 * 1024,
            head_bytes: 64 * 1024,
            fields: 100,
            chunk_extension_bytes: 4 * 1024,
            trailer_bytes: 8 * 1024,
        }
    }
}
