//! What has waited too long, and the beginning of a graceful stop.

use super::*;

impl<A: Application> Hub<A> {
    pub(super) fn time_to_sweep(&self) -> Option<Duration> {
        let must_look_soon = self.slab.out() > 0 || self.draining || self.accept_paused;
        let at = match (must_look_soon, self.slab.len()) {
            (true, _) => self.next_sweep().min(self.now + SWEEP),
            (false, 0) => return None,
            (false, _) => self.next_sweep(),
        };
        let longest = 3_600_000;
        Some(Duration::from_millis(at.saturating_sub(clock::now()).min(longest) + 1))
    }

    /// The earliest deadline, but not more often than it matters.
    pub(super) fn next_sweep(&self) -> Milliseconds {
        self.earliest.max(self.last_sweep + SWEEP)
    }

    /// Ends what has waited too long.
    pub(super) fn sweep(&mut self) {
        self.last_sweep = self.now;
        self.accept_paused = false;
        self.earliest = Milliseconds::MAX;
        let now = self.now;
        let mut late = Vec::new();
        for connection in self.slab.here().filter(|connection| connection.deadline != 0) {
            if connection.deadline <= now {
                late.push(connection.key);
            } else {
                self.earliest = self.earliest.min(connection.deadline);
            }
        }
        for key in late {
            let Found::Here(mut connection) = self.slab.take(key) else { continue };
            // What came in time must not suffer from a server that looks late.
            if connection.phase.awaits_input()
                && !connection.is_put_off
                && system::has_input(&connection.socket)
            {
                connection.is_put_off = true;
                connection.deadline = self.now + SWEEP;
                self.ready.push_back((key, false));
                drop(self.keep(connection));
                continue;
            }
            match connection.phase {
                Phase::ProxyHeader => self.close_for_want_of_a_header(connection),
                Phase::Head => drop(self.reject(connection, &error::HEAD_TIMEOUT)),
                Phase::Body(_) => self.stop_reading_ahead(connection),
                Phase::Ready => drop(self.keep(connection)),
                Phase::Flush(_) => {
                    count(&self.shared.stats.answers_cut);
                    drop(self.close(connection));
                }
                Phase::Idle | Phase::Discard(_) | Phase::Linger => drop(self.close(connection)),
            }
        }
    }

    /// The body has not come to its end in the time that reading ahead has.
    pub(super) fn stop_reading_ahead(&mut self, mut connection: Box<Connection<A>>) {
        let Phase::Body(ahead) = &connection.phase else {
            unreachable!("called in the phase Body only")
        };
        if ahead.times_out <= self.now {
            drop(self.reject(connection, &error::BODY_TIMEOUT));
        } else if self.shared.scheduler.has_room() {
            connection.phase = Phase::Ready;
            connection.deadline = 0;
            connection.waits_since = self.polled;
            self.complete.push_back(connection.key);
            drop(self.keep(connection));
        } else {
            connection.deadline = ahead.times_out.min(self.now + READ_AHEAD);
            drop(self.keep(connection));
        }
    }

    /// The first step of a graceful stop: nobody new, and a last chance for those who are connected.
    pub(super) fn begin_draining(&mut self) {
        self.draining = true;
        // What the kernel has accepted for us has been accepted.
        for index in 0..self.listeners.len() {
            self.accept(index, usize::MAX);
        }
        self.stop_accepting();
        self.listeners.clear();
        let now = self.now;
        let unasked: Vec<Key> = self
            .slab
            .here()
            .filter(|connection| connection.phase.is_before_a_request())
            .map(|connection| connection.key)
            .collect();
        for key in unasked {
            let Found::Here(mut connection) = self.slab.take(key) else { continue };
            // A head that is not whole is no request yet, and its client must not decide how long
            // the stop takes.
            let since = match connection.phase {
                Phase::Head => now,
                _ => connection.since,
            };
            connection.deadline = connection.deadline.min(since + DRAIN_GRACE).max(1);
            // Events that are known already come first.
            if connection.deadline <= now && !self.ready.iter().any(|(ready, _)| *ready == key) {
                drop(self.close(connection));
            } else {
                drop(self.keep(connection));
            }
        }
        self.shared.stopped_accepting();
        self.shared.drained_if(self.slab.len() == 0);
    }
}
