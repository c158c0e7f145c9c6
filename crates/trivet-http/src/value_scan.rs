//! Finds the end of a field value, sixteen bytes at a time: most bytes of a head are in values.

use crate::byte_class::{self, FIELD_VALUE};

const BLOCK: usize = 16;

/// The index of the first byte, from `from` on, that may not stand in a field value; the length if
/// there is none.
#[inline]
pub(crate) fn skip(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
        let found = first_outside(block);
        if found < BLOCK {
            return at + found;
        }
        at += BLOCK;
    }
    byte_class::skip(bytes, at, FIELD_VALUE)
}

/// The place of the first control character but HTAB; `BLOCK` if there is none. A minimum instead of
/// a branch: the compiler makes vector code of it.
#[inline]
fn first_outside(block: &[u8; BLOCK]) -> usize {
    let mut first = BLOCK as u8;
    for place in 0..BLOCK {
        let byte = block[place];
        let outside = (byte < b' ') & (byte != b'\t') | (byte == 0x7f);
        first = first.min(if outside { place as u8 } else { BLOCK as u8 });
    }
    usize::from(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_outside_is_found_wherever_it_stands() {
        for length in 0..50 {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    let mut bytes = vec![b'v'; length];
                    bytes[place] = byte;
                    let expected = if byte_class::is(byte, FIELD_VALUE) {
                        length
                    } else {
                        place
                    };
                    assert_eq!(
                        skip(&bytes, 0),
                        expected,
                        "{byte:#x} at {place} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn of_two_bytes_outside_the_first_counts() {
        let bytes = b"0123456789\r\n5\0a\r\n\r\n0123456789";
        assert_eq!(skip(bytes, 0), 10);
        assert_eq!(skip(bytes, 12), 13);
        assert_eq!(skip(bytes, bytes.len()), bytes.len());
    }
}
