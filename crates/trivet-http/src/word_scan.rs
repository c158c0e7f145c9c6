//! Finds the end of a field name and of a field value eight bytes at a time: nearly all bytes of a
//! head are in them. Plain arithmetic on words, the same on every machine.

use crate::byte_class::{self, FIELD_VALUE};

const WORD: usize = size_of::<u64>();
const HIGH_BITS: u64 = repeat(0x80);

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

/// The index of the first byte, from `from` on, that may not stand in a field value; the length if
/// there is none.
#[inline]
pub(crate) fn skip_value(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = skip_all_but_controls(bytes, at);
        if bytes.get(at) != Some(&b'\t') {
            return at;
        }
        at += 1;
    }
}

/// As `skip_value`, but stops at HTAB too, which is rare in values.
#[inline]
fn skip_all_but_controls(bytes: &[u8], from: usize) -> usize {
    let mut rest = &bytes[from..];
    while let Some((pair, after)) = rest.split_first_chunk::<{ 2 * WORD }>() {
        let pair = u128::from_le_bytes(*pair);
        let (low, high) = (controls(pair as u64), controls((pair >> 64) as u64));
        if low | high != 0 {
            let place = if low != 0 { first(low) } else { WORD + first(high) };
            return bytes.len() - rest.len() + place;
        }
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<WORD>() {
        let found = controls(u64::from_le_bytes(*word));
        if found != 0 {
            return bytes.len() - rest.len() + first(found);
        }
        rest = after;
    }
    while let [byte, after @ ..] = rest
        && byte_class::is(*byte, FIELD_VALUE)
        && *byte != b'\t'
    {
        rest = after;
    }
    bytes.len() - rest.len()
}

/// The index of the first colon from `from` on; the length if there is none.
#[inline]
pub(crate) fn find_colon(bytes: &[u8], from: usize) -> usize {
    let mut rest = &bytes[from..];
    while let Some((word, after)) = rest.split_first_chunk::<WORD>() {
        let found = zeros(u64::from_le_bytes(*word) ^ repeat(b':'));
        if found != 0 {
            return bytes.len() - rest.len() + first(found);
        }
        rest = after;
    }
    while let [byte, after @ ..] = rest
        && *byte != b':'
    {
        rest = after;
    }
    bytes.len() - rest.len()
}

// In the functions below a borrow can spoil the bytes above the first hit, never those below
// it; only the first hit is used.

/// The high bit of each byte that is a control character. Bytes from 0x80 on are not: their high bit
/// is set in `word`.
#[inline]
fn controls(word: u64) -> u64 {
    let below_space = word.wrapping_sub(repeat(b' '));
    let delete = (word ^ repeat(0x7f)).wrapping_sub(repeat(1));
    (below_space | delete) & !word & HIGH_BITS
}

/// The high bit of each byte that is zero.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word & HIGH_BITS
}

/// The place of the first byte whose high bit is set, in a word read from memory as little-endian.
#[inline]
fn first(found: u64) -> usize {
    found.trailing_zeros() as usize / 8
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
                    let expected = if byte_class::is(byte, FIELD_VALUE) { length } else { place };
                    assert_eq!(skip_value(&bytes, 0), expected, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn of_two_bytes_outside_the_first_counts() {
        let bytes = b"0123456789\r\n5\0a\r\n\r\n0123456789";
        assert_eq!(skip_value(bytes, 0), 10);
        assert_eq!(skip_value(bytes, 12), 13);
        assert_eq!(skip_value(bytes, bytes.len()), bytes.len());
    }

    #[test]
    fn the_first_colon_is_found_wherever_it_stands() {
        for length in 0..30 {
            for place in 0..length {
                for other in [b'a', b'9', b';', 0x00, 0xba, 0xff] {
                    let mut bytes = vec![other; length];
                    bytes[place] = b':';
                    bytes[length - 1] = b':';
                    assert_eq!(find_colon(&bytes, 0), place, "{other:#x}");
                }
            }
            assert_eq!(find_colon(&vec![b'a'; length], 0), length);
        }
    }
}
