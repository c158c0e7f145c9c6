//! Which paths have blocked before: their next request gives the token away before it starts.
//!
//! One slow view among fast ones is found by the monitor each time, a millisecond late; a table of
//! small scores remembers it. Digits do not count, so that /users/7 speaks for /users/8.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// Two paths may share a place; then the one costs the other a hand-over, nothing else.
const PLACES: usize = 512;
/// So much of a path tells views apart.
const PATH_BYTES: usize = 64;

const AFTER_BLOCKING: u8 = 8;
const MOST: u8 = 15;
const EXPECTED_FROM: u8 = 4;

pub(crate) struct Predictions {
    scores: Box<[AtomicU8; PLACES]>,
    /// Whether there is any score: as long as nothing blocks, nothing is looked up.
    any: AtomicBool,
}

impl Predictions {
    pub(crate) fn new() -> Self {
        Self { scores: Box::new([const { AtomicU8::new(0) }; PLACES]), any: AtomicBool::new(false) }
    }

    /// Whether a request for this path will probably block.
    pub(crate) fn expects_blocking(&self, path: &[u8]) -> bool {
        self.any.load(Relaxed) && self.scores[place(path)].load(Relaxed) >= EXPECTED_FROM
    }

    /// Takes note of how a request went. Lost updates of concurrent threads do no harm.
    pub(crate) fn learn(&self, path: &[u8], has_blocked: bool) {
        let score = &self.scores[place(path)];
        let before = score.load(Relaxed);
        let after = if has_blocked {
            self.any.store(true, Relaxed);
            (before + AFTER_BLOCKING).min(MOST)
        } else {
            before.saturating_sub(1)
        };
        score.store(after, Relaxed);
    }
}

/// FNV-1a over what is no digit.
fn place(path: &[u8]) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in path.iter().take(PATH_BYTES).filter(|byte| !byte.is_ascii_digit()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The high half: the low bits of FNV depend on few bits of the input.
    (hash >> 32) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_blocked_is_expected_to_block_again() {
        let predictions = Predictions::new();
        assert!(!predictions.expects_blocking(b"/slow/1"));
        predictions.learn(b"/slow/1", true);
        assert!(predictions.expects_blocking(b"/slow/27"));
        assert!(!predictions.expects_blocking(b"/fast"));
    }

    #[test]
    fn a_path_that_stops_blocking_is_forgiven() {
        let predictions = Predictions::new();
        predictions.learn(b"/report", true);
        for _ in 0..AFTER_BLOCKING {
            predictions.learn(b"/report", false);
        }
        assert!(!predictions.expects_blocking(b"/report"));
    }
}
