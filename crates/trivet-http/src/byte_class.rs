//! Which bytes the grammars of RFC 9110, 9112 and 3986 allow where: one table, one lookup a byte.

/// `tchar`, RFC 9110 section 5.6.2.
pub(crate) const TOKEN: u8 = 1 << 0;
/// A byte of the path of a target; see `PATH_EXTRA`.
pub(crate) const PATH: u8 = 1 << 1;
/// A byte of the query of a target; see `QUERY_EXTRA`.
pub(crate) const QUERY: u8 = 1 << 2;
/// `reg-name` without `pct-encoded`: `unreserved / sub-delims`, RFC 3986 section 3.2.2.
pub(crate) const REG_NAME: u8 = 1 << 3;
/// What may stand in a field value: HTAB, SP, VCHAR, obs-text, RFC 9110 section 5.5.
pub(crate) const FIELD_VALUE: u8 = 1 << 4;
/// `qdtext`, RFC 9110 section 5.6.4.
pub(crate) const QUOTED: u8 = 1 << 5;

const UNRESERVED_MARKS: &[u8] = b"-._~";
const SUB_DELIMS: &[u8] = b"!$&'()*+,;=";
const TOKEN_MARKS: &[u8] = b"!#$%&'*+-.^_`|~";
// Beyond RFC 3986, what browsers send unencoded (the path and query percent-encode sets of the
// WHATWG URL standard) is let through: refusing it would break links that work everywhere else.
const PATH_EXTRA: &[u8] = b":@/%[]|^";
const QUERY_EXTRA: &[u8] = b":@/%?[]|^\\{}`";

static CLASSES: [u8; 256] = classes();

/// Whether the byte belongs to the class.
#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// The index of the first byte, from `from` on, that is not of the class; the length if there is none.
#[inline]
pub(crate) fn skip(bytes: &[u8], from: usize, class: u8) -> usize {
    let mut at = from;
    while at < bytes.len() && is(bytes[at], class) {
        at += 1;
    }
    at
}

const fn contains(bytes: &[u8], wanted: u8) -> bool {
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == wanted {
            return true;
        }
        index += 1;
    }
    false
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let alphanumeric = byte.is_ascii_alphanumeric();
        let unreserved = alphanumeric || contains(UNRESERVED_MARKS, byte);
        let reg_name = unreserved || contains(SUB_DELIMS, byte);
        let visible_or_space = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        if alphanumeric || contains(TOKEN_MARKS, byte) {
            table[index] |= TOKEN;
        }
        if reg_name || contains(PATH_EXTRA, byte) {
            table[index] |= PATH;
        }
        if reg_name || contains(QUERY_EXTRA, byte) {
            table[index] |= QUERY;
        }
        if reg_name {
            table[index] |= REG_NAME;
        }
        if visible_or_space {
            table[index] |= FIELD_VALUE;
            if byte != b'"' && byte != b'\\' {
                table[index] |= QUOTED;
            }
        }
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_but_values_and_quoted_text_has_anything_outside_visible_ascii() {
        for byte in 0..=255_u8 {
            if !byte.is_ascii_graphic() {
                assert!(!is(byte, TOKEN | PATH | QUERY | REG_NAME), "{byte:#x}");
            }
        }
    }

    #[test]
    fn values_take_tab_and_obs_text_and_no_other_control() {
        for byte in 0..=255_u8 {
            let allowed = byte == b'\t' || !byte.is_ascii_control();
            assert_eq!(is(byte, FIELD_VALUE), allowed, "{byte:#x}");
        }
    }

    #[test]
    fn delimiters_are_not_token_bytes() {
        for byte in *b"\"(),/:;<=>?@[\\]{} " {
            assert!(!is(byte, TOKEN), "{}", byte as char);
        }
    }

    #[test]
    fn what_must_be_percent_encoded_is_in_no_target() {
        for byte in *b"\"<># " {
            assert!(!is(byte, PATH | QUERY), "{}", byte as char);
        }
    }
}
