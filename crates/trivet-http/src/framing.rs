//! What the fields of a request say together: whose it is, how long the body is, whether the
//! connection stays (RFC 9110 and 9112); nothing is tokenized here.

use crate::error::{self, Fault};
use crate::head::{Body, Field, Head, Version};
use crate::host;
use crate::known::{Known, equals_lower_case};

/// What was met while the fields were read once, in order.
#[derive(Default)]
struct Findings {
    host: Option<usize>,
    content_length: Option<u64>,
    transfer_encoding: Option<Result<(), Fault>>,
    says_close: bool,
    says_keep_alive: bool,
    says_upgrade: bool,
    has_upgrade: bool,
    has_content_type: bool,
    expects_continue: bool,
    expects_something_else: bool,
}

impl Findings {
    /// A list, also over several fields (RFC 9110 section 7.6.1); mostly it is one word.
    fn note_connection(&mut self, value: &[u8]) {
        if equals_lower_case(value, b"keep-alive") {
            self.says_keep_alive = true;
            return;
        }
        for option in list_members(value) {
            self.says_close |= equals_lower_case(option, b"close");
            self.says_keep_alive |= equals_lower_case(option, b"keep-alive");
            self.says_upgrade |= equals_lower_case(option, b"upgrade");
        }
    }
}

/// Fills in everything of `head` that follows from its version and its fields.
pub(crate) fn decide(head: &mut Head, buffer: &[u8]) -> Result<(), Fault> {
    let findings = read_fields(&head.fields, buffer)?;
    let is_http11 = head.version == Version::Http11;

    if is_http11 && findings.host.is_none() {
        return Err(&error::MISSING_HOST);
    }
    head.host = findings.host;
    head.content_length = findings.content_length;
    head.body = body(&findings, head.version)?;
    // RFC 9112 section 9.3: "close" wins; without a word 1.1 persists and 1.0 does not.
    head.keep_alive = !findings.says_close && (is_http11 || findings.says_keep_alive);
    // RFC 9110 section 7.8: Upgrade in an HTTP/1.0 request is ignored.
    head.upgrade = is_http11 && findings.says_upgrade && findings.has_upgrade;
    if findings.expects_something_else {
        return Err(&error::EXPECTATION_FAILED);
    }
    // RFC 9110 section 10.1.1: ignored in HTTP/1.0, and pointless when no body is to come.
    head.expect_continue = is_http11 && findings.expects_continue && head.body != Body::None;
    Ok(())
}

fn read_fields(fields: &[Field], buffer: &[u8]) -> Result<Findings, Fault> {
    let mut findings = Findings::default();
    for (index, field) in fields.iter().enumerate() {
        let Some(known) = field.known else { continue };
        match known {
            Known::Host => {
                // RFC 9112 section 3.2. An empty value leaves the target without an authority; a
                // server may refuse that, since http needs one (RFC 9112 section 3.3).
                if findings.host.replace(index).is_some() {
                    return Err(&error::TWO_HOSTS);
                }
                let found = host::parse(field.value.of(buffer)).ok_or(&error::BAD_HOST)?;
                if found.host.is_empty() {
                    return Err(&error::BAD_HOST);
                }
            }
            Known::ContentLength => {
                let length = content_length(field.value.of(buffer))?;
                // RFC 9112 section 6.3, rule 5 would permit equal repeats. Two parties that fold
                // them differently are how requests are smuggled, so none is taken.
                if findings.content_length.replace(length).is_some() {
                    return Err(&error::TWO_CONTENT_LENGTHS);
                }
            }
            // RFC 9110 section 8.3: who takes the first and who takes the last disagree about what
            // the body is, so that what one has checked is not what the other reads.
            Known::ContentType => {
                if findings.has_content_type {
                    return Err(&error::TWO_CONTENT_TYPES);
                }
                findings.has_content_type = true;
            }
            Known::TransferEncoding => {
                let coding = transfer_encoding(field.value.of(buffer));
                if findings.transfer_encoding.replace(coding).is_some() {
                    return Err(&error::TWO_TRANSFER_ENCODINGS);
                }
            }
            Known::Connection => {
                findings.note_connection(field.value.of(buffer));
            }
            Known::Upgrade => findings.has_upgrade = true,
            Known::Expect => {
                for expectation in list_members(field.value.of(buffer)) {
                    let known = expectation.eq_ignore_ascii_case(b"100-continue");
                    findings.expects_continue |= known;
                    findings.expects_something_else |= !known;
                }
            }
            _ => {}
        }
    }
    Ok(findings)
}

/// RFC 9112 section 6.3, the rules for requests.
fn body(findings: &Findings, version: Version) -> Result<Body, Fault> {
    match (findings.transfer_encoding, findings.content_length) {
        (Some(_), Some(_)) => Err(&error::LENGTH_AND_CODING),
        (Some(_), None) if version == Version::Http10 => Err(&error::CODING_IN_HTTP10),
        (Some(coding), None) => coding.map(|()| Body::Chunked),
        (None, Some(0) | None) => Ok(Body::None),
        (None, Some(length)) => Ok(Body::Length(length)),
    }
}

/// RFC 9110 section 8.6: `1*DIGIT`, and no more than fits. A list such as "10, 10" is refused too.
/// What does not fit a signed number of 64 bits can never arrive, and is a negative length to
/// whoever counts in one.
fn content_length(value: &[u8]) -> Result<u64, Fault> {
    if value.is_empty() {
        return Err(&error::BAD_CONTENT_LENGTH);
    }
    let mut length: u64 = 0;
    for byte in value {
        if !byte.is_ascii_digit() {
            return Err(&error::BAD_CONTENT_LENGTH);
        }
        length = length
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(byte - b'0')))
            .ok_or(&error::BAD_CONTENT_LENGTH)?;
    }
    if length > i64::MAX as u64 {
        return Err(&error::BAD_CONTENT_LENGTH);
    }
    Ok(length)
}

/// Exactly "chunked" is taken. Of the rest, RFC 9112 section 6.3 rule 4 demands 400 when chunked is
/// not the last coding ("identity", which section 7 no longer knows, "gzip", "chunked, gzip"), and
/// section 6.1 advises 501 when a coding before it is not understood ("gzip, chunked").
fn transfer_encoding(value: &[u8]) -> Result<(), Fault> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if is_chunked(value) {
        return Ok(());
    }
    let mut codings = list_members(value);
    let Some(last) = codings.next_back() else {
        return Err(&error::BAD_TRANSFER_ENCODING);
    };
    if !is_chunked(last) {
        return Err(&error::BAD_TRANSFER_ENCODING);
    }
    let mut before = codings.peekable();
    if before.peek().is_none() {
        // Empty list members around it (", chunked"): RFC 9110 section 5.6.1.2 lets recipients
        // ignore them, and implementations differ in whether they do.
        return Err(&error::BAD_TRANSFER_ENCODING);
    }
    Err(if before.any(is_chunked) {
        &error::TWO_TRANSFER_ENCODINGS
    } else {
        &error::UNKNOWN_CODING
    })
}

/// The members of a comma-separated list, without white space around them, without empty ones
/// (RFC 9110 section 5.6.1). Quoted strings are not looked for: no list read here may contain any.
fn list_members(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// Without SP and HTAB at both ends. (`trim_ascii` would take form feeds away as well.)
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_plain_decimal_numbers() {
        assert_eq!(content_length(b"0"), Ok(0));
        assert_eq!(content_length(b"0005"), Ok(5));
        assert_eq!(content_length(b"9223372036854775807"), Ok(i64::MAX as u64));
        for value in [
            "9223372036854775808",
            "18446744073709551615",
            "",
            "+5",
            "-5",
            "5 5",
            "5,5",
            "5, 5",
            "0x5",
            "5.0",
            "1_0",
            "5a",
            "\u{0665}",
            "18446744073709551616",
            "18446744073709551621",
            "99999999999999999999999999",
        ] {
            assert_eq!(
                content_length(value.as_bytes()),
                Err(&error::BAD_CONTENT_LENGTH),
                "{value}"
            );
        }
    }

    #[test]
    fn only_chunked_alone_is_a_transfer_encoding() {
        for value in ["chunked", "Chunked", "CHUNKED"] {
            assert_eq!(transfer_encoding(value.as_bytes()), Ok(()), "{value}");
        }
        for (value, rejection) in [
            ("", &error::BAD_TRANSFER_ENCODING),
            ("identity", &error::BAD_TRANSFER_ENCODING),
            ("gzip", &error::BAD_TRANSFER_ENCODING),
            ("xchunked", &error::BAD_TRANSFER_ENCODING),
            ("chunked;a=b", &error::BAD_TRANSFER_ENCODING),
            ("chunked, gzip", &error::BAD_TRANSFER_ENCODING),
            ("chunked, identity", &error::BAD_TRANSFER_ENCODING),
            (", chunked", &error::BAD_TRANSFER_ENCODING),
            ("chunked,", &error::BAD_TRANSFER_ENCODING),
            ("\"chunked\"", &error::BAD_TRANSFER_ENCODING),
            ("chunked chunked", &error::BAD_TRANSFER_ENCODING),
            ("gzip, chunked", &error::UNKNOWN_CODING),
            ("identity, chunked", &error::UNKNOWN_CODING),
            ("chunked, chunked", &error::TWO_TRANSFER_ENCODINGS),
        ] {
            assert_eq!(transfer_encoding(value.as_bytes()), Err(rejection), "{value}");
        }
    }

    #[test]
    fn list_members_are_trimmed_and_never_empty() {
        let members: Vec<_> = list_members(b" a ,, b\t,").collect();
        assert_eq!(members, [b"a", b"b"]);
    }
}
