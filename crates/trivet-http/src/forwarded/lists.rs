//! Fields as comma-separated lists that are read from the right; what the members mean is not known
//! here.

use crate::head::{Field, Span};
use crate::known::Known;

/// The fields of a head as comma-separated lists.
#[derive(Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) fields: &'a [Field],
    pub(super) buffer: &'a [u8],
}

impl<'a> Lists<'a> {
    /// The members of all fields of this name, the last first, without empty ones (RFC 9110 section
    /// 5.6.1.2). `last_comma` finds the comma before the last member.
    pub(super) fn members_backwards(
        self,
        known: Known,
        last_comma: fn(&[u8]) -> Option<usize>,
    ) -> impl Iterator<Item = Span> + 'a {
        let values = self.fields.iter().rev().filter(move |field| field.known == Some(known));
        values.flat_map(move |field| {
            let mut rest = Some(field.value);
            std::iter::from_fn(move || {
                loop {
                    let list = rest?;
                    let bytes = list.of(self.buffer);
                    let comma = last_comma(bytes).map(|at| list.start + at as u32);
                    rest = comma.map(|comma| Span { start: list.start, end: comma });
                    let member = Span { start: comma.map_or(list.start, |at| at + 1), ..list };
                    let member = trimmed(member, self.buffer);
                    if !member.is_empty() {
                        return Some(member);
                    }
                }
            })
        })
    }
}

pub(super) fn last_comma(list: &[u8]) -> Option<usize> {
    list.iter().rposition(|&byte| byte == b',')
}

/// Looks from the right too: a quote that the client has left open must not swallow what proxies
/// have added after it.
pub(super) fn last_comma_outside_quotes(list: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in list.iter().enumerate().rev() {
        match byte {
            b'"' => is_quoted ^= !is_escaped(&list[..at]),
            b',' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether an odd number of backslashes stands at the end.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

fn trimmed(span: Span, buffer: &[u8]) -> Span {
    let bytes = span.of(buffer);
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let first = bytes.iter().position(is_text).unwrap_or(bytes.len());
    let after = bytes.iter().rposition(is_text).map_or(first, |last| last + 1);
    Span { start: span.start + first as u32, end: span.start + after as u32 }
}

/// Without the quotes that some write around a whole member.
pub(super) fn unquoted(member: &[u8]) -> &[u8] {
    match member {
        [b'"', inside @ .., b'"'] => inside,
        _ => member,
    }
}
