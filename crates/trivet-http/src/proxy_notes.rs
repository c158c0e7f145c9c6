//! What a trusted proxy notes beside the client: the id of a request, and when it came to the proxy.
//!
//! Both are no standard, but what routers and balancers send (nginx, HAProxy, Heroku, Apache with
//! mod_headers). Whether the peer is trusted is not decided here.

use crate::head::{Field, Span};
use crate::known::Known;

/// The longest id of a request that is taken over. A UUID has 36 bytes, a trace id of AWS 75.
const MOST_ID_BYTES: usize = 128;
/// What an id may hold beside letters and digits: nothing that has to be escaped in a log, in a
/// shell, in a URL's query or in HTML.
const ID_MARKS: &[u8] = b"-._~+/=:@;";

/// What is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyNotes {
    /// A valid id.
    pub request_id: Option<Span>,
    /// When the request came to the proxy, in microseconds since 1970.
    pub request_start: Option<u64>,
}

impl ProxyNotes {
    /// Reads the fields. Of fields that come again the last one counts, which is our peer's own.
    #[must_use]
    pub fn read(fields: &[Field], buffer: &[u8], id_name: &[u8]) -> Self {
        let mut notes = Self::default();
        let mut queue_start = None;
        for field in fields {
            let value = field.value.of(buffer);
            match field.known {
                Some(Known::XRequestStart) => notes.request_start = moment(value),
                Some(Known::XQueueStart) => queue_start = moment(value),
                _ if field.name.of(buffer).eq_ignore_ascii_case(id_name) => {
                    notes.request_id = is_request_id(value).then_some(field.value);
                }
                _ => {}
            }
        }
        notes.request_start = notes.request_start.or(queue_start);
        notes
    }
}

fn is_request_id(value: &[u8]) -> bool {
    (1..=MOST_ID_BYTES).contains(&value.len())
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || ID_MARKS.contains(byte))
}

/// Microseconds since 1970 from `t=1700000000.123` or the same without `t=`. Nobody says the unit:
/// the number of digits tells seconds (nginx), milliseconds (Heroku), microseconds (Apache) and
/// nanoseconds apart, from 2001 to 2286.
fn moment(value: &[u8]) -> Option<u64> {
    let last = value.rsplit(|&byte| byte == b',').next()?.trim_ascii();
    let number = last.strip_prefix(b"t=").unwrap_or(last);
    let point = number.iter().position(|&byte| byte == b'.').unwrap_or(number.len());
    let (whole, fraction) = (&number[..point], number.get(point + 1..).unwrap_or_default());
    let whole_number = decimal(whole)?;
    let (times, over) = match whole.len() {
        10 => (1_000_000, 1),
        13 => (1000, 1),
        16 => (1, 1),
        19 => (1, 1000),
        _ => return None,
    };
    let digits = &fraction[..fraction.len().min(6)];
    let millionths = match digits {
        [] => 0,
        _ => decimal(digits)? * 10_u64.pow(6 - digits.len() as u32),
    };
    fraction
        .iter()
        .all(u8::is_ascii_digit)
        .then_some(whole_number / over * times + millionths * times / 1_000_000)
}

/// At most 19 digits, which 64 bits hold.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| 10 * number + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Head, Limits};

    fn read(fields: &str) -> (Option<String>, Option<u64>) {
        let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into_bytes();
        let mut head = Head::default();
        head.parse(&bytes, &Limits::default()).unwrap();
        let notes = ProxyNotes::read(&head.fields, &bytes, b"x-request-id");
        let id = notes.request_id.map(|id| String::from_utf8(id.of(&bytes).to_vec()).unwrap());
        (id, notes.request_start)
    }

    #[test]
    fn the_time_of_arrival_is_read_in_every_unit() {
        for (value, microseconds) in [
            ("t=1700000000.123", 1_700_000_000_123_000),
            ("t=1700000000", 1_700_000_000_000_000),
            ("1700000000.1234567", 1_700_000_000_123_456),
            ("1700000000.", 1_700_000_000_000_000),
            ("1700000000123", 1_700_000_000_123_000),
            ("t=1700000000123.5", 1_700_000_000_123_500),
            ("t=1700000000123456", 1_700_000_000_123_456),
            ("1700000000123456789", 1_700_000_000_123_456),
            ("9999999999999999999", 9_999_999_999_999_999),
            ("t=1600000000.5, t=1700000000.5", 1_700_000_000_500_000),
        ] {
            let (_, start) = read(&format!("X-Request-Start: {value}\r\n"));
            assert_eq!(start, Some(microseconds), "{value}");
        }
    }

    #[test]
    fn what_is_no_time_is_as_if_it_were_not_there() {
        for value in [
            "",
            "t=",
            "now",
            "170000000",
            "17000000001",
            "-1700000000",
            "+1700000000",
            "1700000000.x",
            "1700000000.1234567x",
            "1700000000 ms",
            "T=1700000000",
            "99999999999999999999999",
            "1700000000, ",
            "\u{661}700000000",
        ] {
            assert_eq!(read(&format!("X-Request-Start: {value}\r\n")), (None, None), "{value}");
        }
    }

    #[test]
    fn the_request_start_is_stronger_than_the_queue_start() {
        let (queue, request) = ("X-Queue-Start: 1600000000\r\n", "X-Request-Start: 1700000000\r\n");
        assert_eq!(read(queue).1, Some(1_600_000_000_000_000));
        assert_eq!(read(&format!("{request}{queue}")).1, Some(1_700_000_000_000_000));
        assert_eq!(read(&format!("{queue}{request}")).1, Some(1_700_000_000_000_000));
    }

    #[test]
    fn the_last_id_counts_and_must_be_harmless() {
        let longest = "a".repeat(MOST_ID_BYTES);
        for id in
            ["1", "f81d4fae-7dec-11d0", "Root=1-5759e988-bd862e3f;Self=1", "a+b/c==", &longest]
        {
            let told = format!("X-Request-Id: other\r\nx-request-ID: {id}\r\n");
            assert_eq!(read(&told).0.as_deref(), Some(id));
        }
        let too_long = "a".repeat(MOST_ID_BYTES + 1);
        for id in
            ["", "a b", "a\"", "a\\", "<a>", "a,b", "a%0a", "$(a)", "{a}", "\u{e9}", &too_long]
        {
            assert_eq!(
                read(&format!("X-Request-Id: good\r\nX-Request-Id: {id}\r\n")).0,
                None,
                "{id}"
            );
        }
    }
}
