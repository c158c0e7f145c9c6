//! Every reason for which Trivet refuses a request, as one table; who answers and when is decided
//! elsewhere.
//!
//! A row is the name (stable: logs, tests and the reference page use it), the status of the answer,
//! one sentence for people, and the section that asks for the refusal.

use std::fmt;

/// A request that is answered with `status`, after which the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Stable, in kebab-case: `two-lengths`.
    pub name: &'static str,
    /// The status code of the answer.
    pub status: u16,
    /// One short sentence, for the body of the answer and for the log.
    pub explanation: &'static str,
    /// What asks for it: `RFC 9112 section 6.3`.
    pub section: &'static str,
}

/// A row of the table, as it travels inside this crate: one word instead of seven.
pub(crate) type Fault = &'static Rejection;

impl From<Fault> for Rejection {
    #[cold]
    fn from(fault: Fault) -> Self {
        *fault
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.name, self.explanation, self.section)
    }
}

impl std::error::Error for Rejection {}

macro_rules! rejections {
    ($($constant:ident = $name:literal, $status:literal, $section:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`, ", $status, ", ", $section, ": ", $explanation)]
            pub const $constant: Rejection = Rejection {
                name: $name,
                status: $status,
                explanation: $explanation,
                section: $section,
            };
        )*

        /// The whole table, in the order in which a request is read.
        pub const ALL: &[Rejection] = &[$($constant),*];
    };
}

rejections! {
    // Not HTTP/1 at all: named apart, because the log can then say what to configure.
    TLS_ON_PLAIN_PORT = "tls-on-plain-port", 400, "RFC 8446 section 5.1",
        "The client speaks TLS (https) to a port that speaks plain HTTP.";
    HTTP2_PREFACE = "http2-preface", 505, "RFC 9113 section 3.4",
        "The client speaks HTTP/2 without asking first; this port speaks HTTP/1.1.";

    // Bytes that may stand nowhere in a head.
    BARE_LF = "bare-lf", 400, "RFC 9112 section 2.2",
        "A line ends with LF alone; lines must end with CRLF.";
    BARE_CR = "bare-cr", 400, "RFC 9112 section 2.2",
        "A CR stands alone; it may only stand before LF.";

    // The request line.
    TOO_MANY_EMPTY_LINES = "too-many-empty-lines", 400, "RFC 9112 section 2.2",
        "More than eight empty lines stand before the request line.";
    BAD_METHOD = "bad-method", 400, "RFC 9110 section 9.1",
        "The request must begin with a method, which is a token, and one space.";
    METHOD_TOO_LONG = "method-too-long", 501, "RFC 9112 section 3",
        "The method is longer than 32 bytes.";
    EMPTY_TARGET = "empty-target", 400, "RFC 9112 section 3",
        "Exactly one space must stand between method and target.";
    CONTROL_IN_TARGET = "control-in-target", 400, "RFC 9112 section 3.2",
        "The target contains a control character.";
    NON_ASCII_TARGET = "non-ascii-target", 400, "RFC 3986 section 2",
        "The target contains a byte outside ASCII; it must be percent-encoded.";
    FRAGMENT_IN_TARGET = "fragment-in-target", 400, "RFC 9112 section 3.2",
        "The target contains '#'; a fragment is never sent.";
    BAD_TARGET_CHARACTER = "bad-target-character", 400, "RFC 3986 section 2",
        "The target contains a character that must be percent-encoded.";
    MISSING_VERSION = "missing-version", 400, "RFC 9112 section 3",
        "The request line ends without a version, as in HTTP/0.9.";
    BAD_VERSION = "bad-version", 400, "RFC 9112 section 2.3",
        "After the target, one space, HTTP/1.1 and CRLF must follow.";
    UNSUPPORTED_VERSION = "unsupported-version", 505, "RFC 9110 section 15.6.6",
        "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
    REQUEST_LINE_TOO_LONG = "request-line-too-long", 414, "RFC 9112 section 3",
        "The request line is longer than the limit.";
    BAD_TARGET = "bad-target", 400, "RFC 9112 section 3.2",
        "The target is neither a path nor an http or https address with a valid host.";
    ASTERISK_TARGET = "asterisk-target", 400, "RFC 9112 section 3.2.4",
        "The target '*' is for OPTIONS only.";
    CONNECT_TARGET = "connect-target", 400, "RFC 9112 section 3.2.3",
        "CONNECT needs a target of host:port.";
    CONNECT_UNSUPPORTED = "connect-unsupported", 501, "RFC 9110 section 9.3.6",
        "CONNECT is for proxies; this is not one.";

    // Field lines.
    SPACE_BEFORE_FIRST_FIELD = "space-before-first-field", 400, "RFC 9112 section 2.2",
        "White space stands between the request line and the first field.";
    FOLDED_FIELD = "folded-field", 400, "RFC 9112 section 5.2",
        "A field line begins with white space (line folding).";
    EMPTY_FIELD_NAME = "empty-field-name", 400, "RFC 9112 section 5",
        "A field line has no name before the colon.";
    SPACE_BEFORE_COLON = "space-before-colon", 400, "RFC 9112 section 5.1",
        "White space stands between a field name and the colon.";
    BAD_FIELD_NAME = "bad-field-name", 400, "RFC 9110 section 5.1",
        "A field name contains a character that is not allowed in a token.";
    MISSING_COLON = "missing-colon", 400, "RFC 9112 section 5",
        "A field line has no colon.";
    BAD_FIELD_VALUE = "bad-field-value", 400, "RFC 9110 section 5.5",
        "A field value contains NUL or another control character.";
    TOO_MANY_FIELDS = "too-many-fields", 431, "RFC 6585 section 5",
        "There are more header fields than the limit.";
    HEAD_TOO_LARGE = "head-too-large", 431, "RFC 6585 section 5",
        "The head of the request is larger than the limit.";

    // What the fields say together.
    MISSING_HOST = "missing-host", 400, "RFC 9112 section 3.2",
        "An HTTP/1.1 request must have a Host field.";
    TWO_HOSTS = "two-hosts", 400, "RFC 9112 section 3.2",
        "There is more than one Host field.";
    BAD_HOST = "bad-host", 400, "RFC 9112 section 3.2",
        "The Host field is not a host name or address with an optional port.";
    BAD_CONTENT_LENGTH = "bad-content-length", 400, "RFC 9112 section 6.3",
        "Content-Length is not a plain decimal number below 2^63.";
    TWO_CONTENT_LENGTHS = "two-content-lengths", 400, "RFC 9112 section 6.3",
        "There is more than one Content-Length.";
    TWO_CONTENT_TYPES = "two-content-types", 400, "RFC 9110 section 8.3",
        "There is more than one Content-Type.";
    LENGTH_AND_CODING = "length-and-coding", 400, "RFC 9112 section 6.3",
        "Content-Length and Transfer-Encoding are both present.";
    CODING_IN_HTTP10 = "coding-in-http10", 400, "RFC 9112 section 6.1",
        "An HTTP/1.0 request has a Transfer-Encoding.";
    TWO_TRANSFER_ENCODINGS = "two-transfer-encodings", 400, "RFC 9112 section 7.1",
        "There is more than one Transfer-Encoding, or chunked is applied twice.";
    BAD_TRANSFER_ENCODING = "bad-transfer-encoding", 400, "RFC 9112 section 6.3",
        "Transfer-Encoding does not end with chunked, so the end of the body cannot be known.";
    UNKNOWN_CODING = "unknown-coding", 501, "RFC 9112 section 6.1",
        "A transfer coding other than chunked is not implemented.";
    EXPECTATION_FAILED = "expectation-failed", 417, "RFC 9110 section 10.1.1",
        "The only expectation known here is 100-continue.";

    // Chunked bodies.
    BAD_CHUNK_SIZE = "bad-chunk-size", 400, "RFC 9112 section 7.1",
        "A chunk size is not a plain hexadecimal number followed by ';' or CRLF.";
    CHUNK_TOO_LARGE = "chunk-too-large", 400, "RFC 9112 section 7.1",
        "A chunk size is above 2^63.";
    BAD_CHUNK_EXTENSION = "bad-chunk-extension", 400, "RFC 9112 section 7.1.1",
        "A chunk extension is not of the form ;name or ;name=value.";
    CHUNK_EXTENSION_TOO_LONG = "chunk-extension-too-long", 400, "RFC 9112 section 7.1.1",
        "The chunk extensions are longer than the limit.";
    BARE_LF_IN_CHUNKED = "bare-lf-in-chunked", 400, "RFC 9112 section 7.1",
        "A line of a chunked body ends with LF alone.";
    BARE_CR_IN_CHUNKED = "bare-cr-in-chunked", 400, "RFC 9112 section 7.1",
        "A CR in a line of a chunked body is not followed by LF.";
    CHUNK_WITHOUT_CRLF = "chunk-without-crlf", 400, "RFC 9112 section 7.1",
        "The data of a chunk is not followed by CRLF.";
    BAD_TRAILER = "bad-trailer", 400, "RFC 9112 section 7.1.2",
        "A trailer line is not a valid field line.";
    FORBIDDEN_TRAILER = "forbidden-trailer", 400, "RFC 9110 section 6.5.1",
        "A trailer tries to set a field that must be known before the body.";
    TRAILERS_TOO_LARGE = "trailers-too-large", 431, "RFC 6585 section 5",
        "The trailers are larger than the limit.";

    // For the server around this crate: what it notices itself.
    HEAD_TIMEOUT = "head-timeout", 408, "RFC 9110 section 15.5.9",
        "The head of the request did not arrive in time.";
    BODY_TIMEOUT = "body-timeout", 408, "RFC 9110 section 15.5.9",
        "The body of the request did not arrive in time.";
    BODY_CUT = "body-cut", 400, "RFC 9112 section 8",
        "The client stopped sending before the end of the body.";
    BODY_TOO_LARGE = "body-too-large", 413, "RFC 9110 section 15.5.14",
        "The body of the request is larger than the limit.";
    APP_FAILED = "app-failed", 500, "RFC 9110 section 15.6.1",
        "The application failed.";
    REQUEST_TIMED_OUT = "request-timed-out", 504, "RFC 9110 section 15.6.5",
        "The application did not answer in time.";
    OVERLOADED = "overloaded", 503, "RFC 9110 section 15.6.4",
        "The server is busy; try again later.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_are_unique_and_kebab_case() {
        for (index, rejection) in ALL.iter().enumerate() {
            assert!(
                rejection.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                "{}: write the name in kebab-case",
                rejection.name
            );
            assert!(
                ALL[..index].iter().all(|other| other.name != rejection.name),
                "{}: two rows have this name",
                rejection.name
            );
        }
    }

    #[test]
    fn every_row_is_an_error_status_with_a_sentence_and_a_section() {
        for rejection in ALL {
            assert!((400..=599).contains(&rejection.status), "{rejection}");
            assert!(rejection.explanation.ends_with('.'), "{rejection}");
            assert!(rejection.section.starts_with("RFC "), "{rejection}");
        }
    }
}
