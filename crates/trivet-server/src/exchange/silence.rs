//! When this thread speaks and when it is silent, for the deadline that the watch keeps.

use std::sync::atomic::Ordering::Relaxed;

use super::*;

impl<A: Application> Exchange<A> {
    /// Names this thread for whoever hears of its requests.
    pub fn called(&self, thread: u64) {
        self.running.called(thread);
    }

    /// Whether the application took too long, and its client has been told so.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Takes the word before anything is written; false when the request is over for the client.
    #[inline]
    pub(super) fn speak(&mut self) -> bool {
        self.speaks || self.take_the_word()
    }

    fn take_the_word(&mut self) -> bool {
        self.speaks = self.running.claim.take();
        if !self.speaks {
            self.client_left = true;
            self.timed_out = true;
        }
        self.speaks
    }

    /// The application goes on without having ended its answer: from part to part it has its time.
    pub(super) fn fall_silent(&mut self) {
        if std::mem::take(&mut self.speaks) {
            self.running.silent_since.store(clock::now(), Relaxed);
            self.running.head_is_out.store(self.head_is_sent(), Relaxed);
            self.running.claim.open();
        }
    }

    /// The same after a wait for the client since `began`, which is not the application's time.
    pub(super) fn fall_silent_after_wait(&mut self, began: Milliseconds) {
        if std::mem::take(&mut self.speaks) {
            let waited = clock::now().saturating_sub(began);
            let since = self.running.silent_since.load(Relaxed);
            self.running.silent_since.store(since + waited, Relaxed);
            self.running.head_is_out.store(self.head_is_sent(), Relaxed);
            self.running.claim.open();
        }
    }

    /// The end of the request for the watch. When it has spoken, the answer was its own.
    pub(super) fn end_watch(&mut self) {
        self.speaks = false;
        if !self.running.claim.close() {
            return;
        }
        self.timed_out = true;
        self.out.clear();
        if self.running.head_is_out.load(Relaxed) {
            self.client_left = true;
            count(&self.shared.stats.answers_cut);
            return;
        }
        // The client has its answer, and reads it before a reset could take it away.
        self.client_left = false;
        self.stage = Stage::Over;
        self.plan.close = true;
        self.status = error::REQUEST_TIMED_OUT.status;
        self.body_sent = error::REQUEST_TIMED_OUT.explanation.len() as u64 + 1;
    }
}
