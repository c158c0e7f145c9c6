//! Who may speak to the client of a running request: its thread, or the watch when time is over; not
//! when that is, nor what is said.
//!
//! While the application computes, its thread is silent and the claim is open. Whoever wants to write
//! takes it first, so that a client never hears both. What the watch reads of the request (socket,
//! method, target) belongs to the thread, and stays where it is while the watch holds the claim: the
//! thread cannot end the request before the watch has let go, which takes it a few microseconds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::yield_now;

/// No request.
const IDLE: u32 = 0;
/// The application has a request and its thread is silent.
const OPEN: u32 = 1;
/// The thread speaks.
const SPEAKING: u32 = 2;
/// The watch looks at the request, or speaks.
const HELD: u32 = 3;
/// The watch has spoken: the request is over for its client, and not yet for its thread.
const SPOKEN: u32 = 4;

/// What a look at a claim shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Idle,
    /// The watch may hold it.
    Open,
    /// Its thread speaks, or waits for its client.
    Speaking,
    /// The watch has spoken.
    Spoken,
}

/// One thread's claim, used for all its requests.
#[derive(Debug)]
pub(crate) struct Claim(AtomicU32);

impl Claim {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(IDLE))
    }

    /// For the thread: its request begins, or goes on in silence. Whatever was written before is seen
    /// by whoever holds the claim. Sequentially consistent, because the thread looks next whether the
    /// watch sleeps, and the watch looks here before it goes to sleep.
    pub(crate) fn open(&self) {
        self.0.store(OPEN, Ordering::SeqCst);
    }

    /// For the thread: takes the word; false when the watch has spoken.
    pub(crate) fn take(&self) -> bool {
        loop {
            let taken =
                self.0.compare_exchange(OPEN, SPEAKING, Ordering::AcqRel, Ordering::Acquire);
            match taken {
                Ok(_) | Err(SPEAKING | IDLE) => return true,
                Err(SPOKEN) => return false,
                Err(_) => yield_now(),
            }
        }
    }

    /// For the thread: the request is over; true when the watch has spoken.
    pub(crate) fn close(&self) -> bool {
        loop {
            if self.take() {
                self.0.store(IDLE, Ordering::Release);
                return false;
            }
            let closed = self.0.compare_exchange(SPOKEN, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if closed.is_ok() {
                return true;
            }
            yield_now();
        }
    }

    /// For the watch: keeps the thread from ending its request, until `let_go`. `look` says which of
    /// the two states that can be held is expected.
    pub(crate) fn hold(&self, look: Look) -> bool {
        let from = if look == Look::Spoken { SPOKEN } else { OPEN };
        self.0.compare_exchange(from, HELD, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// For the watch, which holds it: lets go, having spoken or not.
    pub(crate) fn let_go(&self, spoken: bool) {
        self.0.store(if spoken { SPOKEN } else { OPEN }, Ordering::Release);
    }

    pub(crate) fn look(&self) -> Look {
        match self.0.load(Ordering::SeqCst) {
            IDLE => Look::Idle,
            OPEN | HELD => Look::Open,
            SPEAKING => Look::Speaking,
            _ => Look::Spoken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_speaks_when_nobody_else_has() {
        let claim = Claim::new();
        claim.open();
        assert_eq!(claim.look(), Look::Open);
        assert!(claim.take() && claim.take());
        assert!(!claim.hold(Look::Open), "the watch came too late");
        assert!(!claim.close());
        assert_eq!(claim.look(), Look::Idle);
    }

    #[test]
    fn the_watch_speaks_once_and_the_thread_no_more() {
        let claim = Claim::new();
        claim.open();
        assert!(claim.hold(Look::Open));
        assert!(!claim.hold(Look::Open));
        claim.let_go(true);
        assert_eq!(claim.look(), Look::Spoken);
        assert!(!claim.take() && !claim.hold(Look::Open));
        assert!(claim.close(), "the thread hears of it at the end");
        claim.open();
        assert!(claim.take(), "its next request is its own");
    }

    #[test]
    fn a_look_of_the_watch_changes_nothing() {
        let claim = Claim::new();
        assert!(!claim.hold(Look::Open) && !claim.hold(Look::Spoken));
        claim.open();
        assert!(claim.hold(Look::Open));
        claim.let_go(false);
        assert!(claim.take());
    }
}
