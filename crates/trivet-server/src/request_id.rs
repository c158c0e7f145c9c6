//! Ids for the requests of one thread, made without asking anybody; what a proxy gives is no matter here.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Odd, so that multiplying loses nothing: splitmix64's (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", 2014).
const FACTOR: u64 = 0xbf58_476d_1ce4_e5b9;

/// 64 bits that are this thread's, and behind them the number of the request, stirred: two ids never
/// are the same, and nobody sees from them how many requests there were.
#[derive(Debug)]
pub(crate) struct RequestIds {
    thread: [u8; 16],
    stir: u64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // The keys of a RandomState are the system's random numbers, so a hash of nothing is, too.
        let random = || RandomState::new().build_hasher().finish();
        Self { thread: hexadecimal(random()), stir: random() }
    }

    /// 32 hexadecimal digits.
    pub(crate) fn write(&self, serial: u64, out: &mut Vec<u8>) {
        let mixed = (serial ^ self.stir).wrapping_mul(FACTOR);
        out.extend_from_slice(&self.thread);
        out.extend_from_slice(&hexadecimal(mixed ^ mixed >> 32));
    }
}

fn hexadecimal(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (index, digit) in digits.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (60 - 4 * index) & 15) as usize];
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        assert_eq!(&hexadecimal(0x0123_4567_89ab_cdef), b"0123456789abcdef");
    }

    #[test]
    fn ids_are_all_different_and_of_one_form() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let id = |ids: &RequestIds, serial| {
            let mut out = Vec::new();
            ids.write(serial, &mut out);
            out
        };
        let ids: HashSet<_> =
            (0..10_000).flat_map(|serial| [id(&one, serial), id(&other, serial)]).collect();
        assert_eq!(ids.len(), 20_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit)));
        assert_eq!(id(&one, 7), id(&one, 7));
    }
}
