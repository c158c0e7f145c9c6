//! A gate that views wait at until the test opens it, and the patience of all tests.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Views wait here; the test sees how many do.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    open: bool,
}

impl Gate {
    /// For views: waits until the gate is open.
    pub(crate) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        let (mut state, waited) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| !state.open).unwrap();
        assert!(!waited.timed_out(), "nobody opened the gate");
        state.waiting -= 1;
    }

    /// For tests: waits until so many views stand before the gate.
    pub(crate) fn wait_for(&self, waiting: usize) {
        let state = self.state.lock().unwrap();
        let (state, waited) = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.waiting < waiting)
            .unwrap();
        assert!(!waited.timed_out(), "only {} of {waiting} came to the gate", state.waiting);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().unwrap().waiting
    }

    /// Lets everybody pass, now and later.
    pub(crate) fn open(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }
}

/// Looks every millisecond until something is so: for what has no event, such as counters.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it never came to this: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
