//! Names of request fields that are met often, found with one multiplication and one comparison.
//!
//! The framing rules ask for them by value instead of by name, and the bridge to Python keeps a
//! prebuilt key for each.

macro_rules! known_names {
    ($($variant:ident = $name:literal,)*) => {
        /// A request field that is met often. `Known::ALL` lists every one with its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the name beside each variant says it all")]
        pub enum Known {
            $($variant,)*
        }

        impl Known {
            /// Every known field with its name in lower case; `ALL[known as usize].0 == known`.
            pub const ALL: &[(Known, &str)] = &[$((Known::$variant, $name),)*];
        }
    };
}

known_names! {
    Accept = "accept",
    AcceptCharset = "accept-charset",
    AcceptEncoding = "accept-encoding",
    AcceptLanguage = "accept-language",
    AccessControlRequestHeaders = "access-control-request-headers",
    AccessControlRequestMethod = "access-control-request-method",
    Authorization = "authorization",
    CacheControl = "cache-control",
    Connection = "connection",
    ContentEncoding = "content-encoding",
    ContentLanguage = "content-language",
    ContentLength = "content-length",
    ContentType = "content-type",
    Cookie = "cookie",
    Date = "date",
    Dnt = "dnt",
    Expect = "expect",
    Forwarded = "forwarded",
    From = "from",
    Host = "host",
    IfMatch = "if-match",
    IfModifiedSince = "if-modified-since",
    IfNoneMatch = "if-none-match",
    IfRange = "if-range",
    IfUnmodifiedSince = "if-unmodified-since",
    KeepAlive = "keep-alive",
    MaxForwards = "max-forwards",
    Origin = "origin",
    Pragma = "pragma",
    Priority = "priority",
    Proxy = "proxy",
    ProxyConnection = "proxy-connection",
    Range = "range",
    Referer = "referer",
    SecChUa = "sec-ch-ua",
    SecChUaMobile = "sec-ch-ua-mobile",
    SecChUaPlatform = "sec-ch-ua-platform",
    SecFetchDest = "sec-fetch-dest",
    SecFetchMode = "sec-fetch-mode",
    SecFetchSite = "sec-fetch-site",
    SecFetchUser = "sec-fetch-user",
    SecWebsocketExtensions = "sec-websocket-extensions",
    SecWebsocketKey = "sec-websocket-key",
    SecWebsocketProtocol = "sec-websocket-protocol",
    SecWebsocketVersion = "sec-websocket-version",
    Te = "te",
    Traceparent = "traceparent",
    Tracestate = "tracestate",
    Trailer = "trailer",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    UpgradeInsecureRequests = "upgrade-insecure-requests",
    UserAgent = "user-agent",
    Via = "via",
    XCsrftoken = "x-csrftoken",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    XForwardedPort = "x-forwarded-port",
    XForwardedPrefix = "x-forwarded-prefix",
    XForwardedProto = "x-forwarded-proto",
    XQueueStart = "x-queue-start",
    XRealIp = "x-real-ip",
    XRequestId = "x-request-id",
    XRequestStart = "x-request-start",
    XRequestedWith = "x-requested-with",
}

impl Known {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The known field of this name, whatever its case.
    #[inline]
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        let (Some(start), Some(end)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) else {
            return Self::of_short(name);
        };
        let (known, expected) = Self::ALL[SLOTS[slot(*start, *end, name.len(), FACTOR)] as usize];
        equals_lower_case(name, expected.as_bytes()).then_some(known)
    }

    /// Names of less than four bytes are few and rare.
    #[inline(never)]
    fn of_short(name: &[u8]) -> Option<Self> {
        let found =
            Self::ALL.iter().find(|(_, expected)| name.eq_ignore_ascii_case(expected.as_bytes()));
        found.map(|(known, _)| *known)
    }
}

/// Whether a name equals a lower-case name of letters and hyphens, whatever the case of the first.
#[inline]
pub(crate) fn equals_lower_case(name: &[u8], lower: &[u8]) -> bool {
    if name.len() != lower.len() {
        return false;
    }
    // Words from both ends, which may overlap; the longest names have bytes between them.
    if let (Some((name_start, name_rest)), Some((lower_start, lower_rest))) =
        (name.split_first_chunk::<8>(), lower.split_first_chunk::<8>())
        && let (Some(name_end), Some(lower_end)) = (name.last_chunk::<8>(), lower.last_chunk::<8>())
    {
        return equals_word(u64::from_le_bytes(*name_start), u64::from_le_bytes(*lower_start))
            && equals_word(u64::from_le_bytes(*name_end), u64::from_le_bytes(*lower_end))
            && (name.len() <= 16 || equals_lower_case_slowly(name_rest, lower_rest));
    }
    if let (Some(name_start), Some(lower_start), Some(name_end), Some(lower_end)) = (
        name.first_chunk::<4>(),
        lower.first_chunk::<4>(),
        name.last_chunk::<4>(),
        lower.last_chunk::<4>(),
    ) {
        let both = |start: &[u8; 4], end: &[u8; 4]| {
            u64::from(u32::from_le_bytes(*start)) << 32 | u64::from(u32::from_le_bytes(*end))
        };
        return equals_word(both(name_start, name_end), both(lower_start, lower_end));
    }
    equals_lower_case_slowly(name, lower)
}

#[inline(never)]
fn equals_lower_case_slowly(name: &[u8], lower: &[u8]) -> bool {
    name.eq_ignore_ascii_case(lower)
}

/// Bit 6 is set in small letters and not in a hyphen, and bit 5 is what makes a letter small: so a
/// letter may differ in bit 5, and a hyphen in nothing.
#[inline]
fn equals_word(name: u64, lower: u64) -> bool {
    const LETTER: u64 = 0x4040_4040_4040_4040;
    name | (lower & LETTER) >> 1 == lower
}

const SLOT_COUNT: usize = 512;
const FACTOR: u32 = find_factor();
static SLOTS: [u8; SLOT_COUNT] = match slots(FACTOR) {
    Some(slots) => slots,
    None => panic!("no factor found"),
};

/// The first four bytes, the last four and the length tell the known names apart.
#[inline]
const fn slot(start: [u8; 4], end: [u8; 4], length: usize, factor: u32) -> usize {
    const SMALL: u32 = 0x2020_2020;
    let start = (u32::from_le_bytes(start) | SMALL).wrapping_mul(factor);
    let both = start.rotate_left(9) ^ (u32::from_le_bytes(end) | SMALL);
    let key = both.wrapping_add(length as u32).wrapping_mul(factor);
    (key >> (32 - SLOT_COUNT.trailing_zeros())) as usize
}

/// The table for a factor, or `None` when two names fall into one slot. Free slots hold 0: a lookup
/// compares the whole name anyway.
const fn slots(factor: u32) -> Option<[u8; SLOT_COUNT]> {
    let mut table = [0; SLOT_COUNT];
    let mut taken = [false; SLOT_COUNT];
    let mut index = 0;
    while index < Known::ALL.len() {
        let name = Known::ALL[index].1.as_bytes();
        if let (Some(start), Some(end)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            let at = slot(*start, *end, name.len(), factor);
            if taken[at] {
                return None;
            }
            taken[at] = true;
            table[at] = index as u8;
        }
        index += 1;
    }
    Some(table)
}

/// Searched by the compiler, so that a new name needs no work by hand.
const fn find_factor() -> u32 {
    let mut factor: u32 = 0x9e37_79b1;
    let mut tries = 0;
    while tries < 4000 {
        if slots(factor).is_some() {
            return factor;
        }
        factor = factor.wrapping_mul(0x915f_77f5) | 1;
        tries += 1;
    }
    panic!("two names of the table agree in length and in their first and last four bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (known, name) in Known::ALL {
            assert_eq!(Known::of(name.as_bytes()), Some(*known));
            assert_eq!(Known::of(name.to_uppercase().as_bytes()), Some(*known));
            assert_eq!(known.name(), *name);
        }
    }

    #[test]
    fn a_name_with_one_byte_changed_is_another_name() {
        for (_, name) in Known::ALL {
            for index in 0..name.len() {
                for replacement in *b"z_0~" {
                    let mut changed = name.as_bytes().to_vec();
                    if changed[index] == replacement {
                        continue;
                    }
                    changed[index] = replacement;
                    assert_eq!(Known::of(&changed), None, "{}", changed.escape_ascii());
                }
            }
            assert_eq!(Known::of(&name.as_bytes()[1..]), None, "{name}");
            assert_eq!(Known::of(format!("{name}x").as_bytes()), None, "{name}");
        }
        assert_eq!(Known::of(b""), None);
    }

    #[test]
    fn names_are_sorted_and_made_of_small_letters_and_hyphens() {
        assert!(Known::ALL.is_sorted_by_key(|(_, name)| *name));
        for (_, name) in Known::ALL {
            assert!(name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase()), "{name}");
        }
    }
}
