//! How the body of an answer is framed (RFC 9112 section 6.3); a pure decision, no bytes.

use crate::head::Version;

/// How the body of an answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No byte follows the head, whatever the app produced.
    NoBody,
    /// This many bytes follow.
    Length(u64),
    /// Chunks follow; end with [`super::LAST_CHUNK`].
    Chunked,
    /// The end of the connection ends the body: all that an HTTP/1.0 client understands.
    UntilClose,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How the body is framed.
    pub framing: Framing,
    /// False for HEAD, 1xx, 204, 205 and 304: what the app produced is dropped.
    pub send_body: bool,
    /// The connection is closed after this answer, and the head says so.
    pub close: bool,
    /// The Content-Length to write, declared by the app or known to us. May be there without a body
    /// (HEAD, 304), and must not with 1xx and 204.
    pub write_length: Option<u64>,
}

/// Decides from the facts of the request (`version`, `is_head`, `keep_alive`), the `status`, the
/// Content-Length that the app declared, and the length of the body when it is wholly known.
#[must_use]
pub fn plan(
    version: Version,
    is_head: bool,
    status: u16,
    declared_length: Option<u64>,
    known_length: Option<u64>,
    keep_alive: bool,
) -> Plan {
    let without_body = |write_length| Plan {
        framing: Framing::NoBody,
        send_body: false,
        close: !keep_alive,
        write_length,
    };
    match status {
        // RFC 9110 section 8.6: no Content-Length in 1xx and 204.
        100..=199 | 204 => return without_body(None),
        // RFC 9110 section 15.3.6: 205 has no content, and says so.
        205 => return without_body(Some(0)),
        // RFC 9110 section 8.6: only the length that 200 would have had. What the app produced for
        // this answer says nothing about that.
        304 => return without_body(declared_length),
        // An app that makes no body for HEAD knows nothing of the length that GET would have.
        _ if is_head => return without_body(declared_length.or(known_length.filter(|&n| n > 0))),
        _ => {}
    }
    let length = declared_length.or(known_length);
    let framing = match (length, version) {
        (Some(length), _) => Framing::Length(length),
        (None, Version::Http11) => Framing::Chunked,
        (None, Version::Http10) => Framing::UntilClose,
    };
    Plan {
        framing,
        send_body: true,
        close: !keep_alive || framing == Framing::UntilClose,
        write_length: length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Version::{Http10, Http11};

    #[test]
    fn a_declared_or_known_length_frames_the_body() {
        for (declared, known) in [(Some(5), None), (None, Some(5)), (Some(5), Some(7))] {
            let plan = plan(Http11, false, 200, declared, known, true);
            assert_eq!(plan.framing, Framing::Length(5));
            assert_eq!(plan.write_length, Some(5));
            assert!(plan.send_body && !plan.close);
        }
    }

    #[test]
    fn an_unknown_length_is_chunked_or_ends_with_the_connection() {
        let to_new = plan(Http11, false, 200, None, None, true);
        assert_eq!((to_new.framing, to_new.close), (Framing::Chunked, false));
        let to_old = plan(Http10, false, 200, None, None, true);
        assert_eq!((to_old.framing, to_old.close), (Framing::UntilClose, true));
    }

    #[test]
    fn statuses_without_content_never_send_any() {
        for (status, declared, written) in [
            (100, Some(5), None),
            (101, None, None),
            (204, Some(5), None),
            (205, Some(5), Some(0)),
            (304, Some(5), Some(5)),
            (304, None, None),
        ] {
            for version in [Http10, Http11] {
                let plan = plan(version, false, status, declared, Some(9), true);
                assert_eq!(plan.framing, Framing::NoBody, "{status}");
                assert!(!plan.send_body && !plan.close, "{status}");
                assert_eq!(plan.write_length, written, "{status}");
            }
        }
    }

    #[test]
    fn head_keeps_the_length_of_get_and_sends_no_body() {
        for (declared, known, written) in [
            (Some(5), None, Some(5)),
            (Some(5), Some(0), Some(5)),
            (None, Some(7), Some(7)),
            (None, Some(0), None),
            (None, None, None),
        ] {
            let plan = plan(Http10, true, 200, declared, known, true);
            assert_eq!(plan.framing, Framing::NoBody);
            assert_eq!(plan.write_length, written);
            assert!(!plan.send_body && !plan.close);
        }
    }

    #[test]
    fn a_connection_that_must_close_closes() {
        for status in [200, 204, 304] {
            assert!(plan(Http11, false, status, Some(0), None, false).close, "{status}");
        }
    }
}
