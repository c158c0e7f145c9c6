//! One element of a `Forwarded` field (RFC 7239 section 4): its pairs, and what three of them say.

use crate::byte_class::{self, FIELD_VALUE, QUOTED, TOKEN};
use crate::head::Span;
use crate::node::{self, Node};

/// One `forwarded-element` (RFC 7239 section 4). Values without their quotes.
#[derive(Default)]
pub(super) struct Element {
    pub(super) node: Option<Node>,
    pub(super) proto: Option<Span>,
    pub(super) host: Option<Span>,
}

impl Element {
    /// White space around the semicolons is not of the grammar, and common.
    pub(super) fn parse(text: Span, buffer: &[u8]) -> Option<Self> {
        let bytes = text.of(buffer);
        let mut element = Self::default();
        let mut node = None;
        let mut at = 0;
        loop {
            while matches!(bytes.get(at), Some(b' ' | b'\t' | b';')) {
                at += 1;
            }
            if at == bytes.len() {
                break;
            }
            let end_of_name = byte_class::skip(bytes, at, TOKEN);
            let name = &bytes[at..end_of_name];
            if name.is_empty() || bytes.get(end_of_name) != Some(&b'=') {
                return None;
            }
            let (value, end) = value(bytes, end_of_name + 1)?;
            let end = end + bytes[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            if !matches!(bytes.get(end), None | Some(b';')) {
                return None;
            }
            let place = if name.eq_ignore_ascii_case(b"for") {
                Some(&mut node)
            } else if name.eq_ignore_ascii_case(b"proto") {
                Some(&mut element.proto)
            } else if name.eq_ignore_ascii_case(b"host") {
                Some(&mut element.host)
            } else {
                None
            };
            if let Some(place) = place {
                let start = text.start + value.start as u32;
                let value = Span { start, end: text.start + value.end as u32 };
                // RFC 7239 section 4: no parameter twice.
                if place.replace(value).is_some() {
                    return None;
                }
            }
            at = end;
        }
        if let Some(node) = node {
            // No node has a character that must be escaped, so escapes are not undone.
            element.node = Some(node::parse(node.of(buffer))?);
        }
        Some(element)
    }
}

/// A token or a quoted string: the range of what it says, and the index after it.
fn value(bytes: &[u8], at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    if bytes.get(at) != Some(&b'"') {
        let end = byte_class::skip(bytes, at, TOKEN);
        return (end > at).then_some((at..end, end));
    }
    let mut end = at + 1;
    loop {
        end = byte_class::skip(bytes, end, QUOTED);
        match bytes.get(end)? {
            b'"' => return Some((at + 1..end, end + 1)),
            b'\\' if byte_class::is(*bytes.get(end + 1)?, FIELD_VALUE) => end += 2,
            _ => return None,
        }
    }
}
