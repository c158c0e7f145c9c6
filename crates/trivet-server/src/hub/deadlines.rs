//! What has waited too long, and the beginning of a graceful stop.

use super::*;

impl<A: Application> Hub<A> {
    pub(super) fn time_to_sweep(&self) -> Option<Duration> {
        let must_look_soon =
            self.slab.out() > 0 || self.obeyed != 0 || self.accept_paused || self.crowd_has_gone();
        let at = match (must_look_soon, self.slab.len()) {
            _ if self.takes_overflow() => self.looked_for_overflow + OVERFLOW,
            (true, _) => self.next_sweep().min(self.now + SWEEP),
            (false, 0) => return None,
            (false, _) => self.next_sweep(),
        };
        let longest = 3_600_000;
        // The coarse clock may be behind the last poll's.
        let now = clock::now().max(self.now);
        Some(Duration::from_millis(at.saturating_sub(now).min(longest) + 1))
    }

    /// The earliest deadline, but not more often than it matters.
    pub(super) fn next_sweep(&self) -> Milliseconds {
        self.earliest.max(self.last_sweep + SWEEP)
    }

    /// Ends what has waited too long.
    pub(super) fn sweep(&mut self) {
        self.last_sweep = self.now;
        self.accept_paused = false;
        self.at_limit = false;
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
        self.tidy_up();
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
                Phase::Ready => {
                    count(&self.shared.stats.requests_timed_out);
                    drop(self.reject(connection, &error::REQUEST_TIMED_OUT));
                }
                Phase::Flush(_) => self.look_at_flush(connection),
                Phase::Idle | Phase::Discard(_) | Phase::Linger => drop(self.close(connection)),
            }
        }
        self.forget_answered();
    }

    pub(super) fn crowd_has_gone(&self) -> bool {
        self.peak >= CROWD && self.slab.len() <= self.peak / 4
    }

    /// After a crowd has gone: its memory. The allocators would keep it for the next crowd.
    fn tidy_up(&mut self) {
        if !self.crowd_has_gone() {
            if matches!(self.tidy.step, TidyStep::Memory) {
                self.shared.scheduler.has_settled();
            }
            self.tidy = Tidy::default();
        } else if self.tidy.at == 0 {
            self.tidy.at = self.now + TIDY_AFTER;
            self.tidy.left = self.slab.len();
        } else if self.tidy.at <= self.now {
            self.tidy.at = self.now + TIDY_STEP;
            match self.tidy.step {
                TidyStep::Threads => {
                    self.tidy.step = TidyStep::Memory;
                    self.ends_extra_threads =
                        !self.is_draining() && self.shared.scheduler.end_extra_threads();
                }
                TidyStep::Memory => {
                    // Those that were left then may have gone meanwhile, and be a crowd themselves
                    // whose threads have not ended yet.
                    self.peak = self.tidy.left.max(self.slab.len());
                    self.tidy = Tidy::default();
                    self.slab.shrink();
                    self.ready.shrink_to_fit();
                    self.complete.shrink_to_fit();
                    self.shared.scheduler.has_settled();
                    self.shared.crowd_has_gone();
                }
            }
        }
    }

    /// Does the client take enough of what is queued for it?
    fn look_at_flush(&mut self, mut connection: Box<Connection<A>>) {
        let demand = self.shared.config.write_demand();
        let taken = connection.taken();
        if connection.pace.is_too_slow(self.now, taken, demand) {
            count(&self.shared.stats.answers_cut);
            connection.give_up();
            drop(self.close(connection));
        } else {
            connection.deadline = self.now + demand.interval();
            drop(self.keep(connection));
        }
    }

    /// The body has not come to its end in the time that reading ahead has.
    pub(super) fn stop_reading_ahead(&mut self, mut connection: Box<Connection<A>>) {
        let Phase::Body(ahead) = &mut connection.phase else {
            unreachable!("called in the phase Body only")
        };
        if ahead.is_held_back && system::has_input(&connection.socket) {
            // The client has sent more than is read without a thread: the wait is not its doing.
            ahead.times_out = self.now + milliseconds(self.shared.config.body_timeout);
        }
        let scheduler = &self.shared.scheduler;
        let may_start = if ahead.is_held_back {
            scheduler.has_room_for_slow_bodies()
        } else {
            scheduler.has_room()
        };
        if ahead.times_out <= self.now {
            drop(self.reject(connection, &error::BODY_TIMEOUT));
        } else if may_start {
            self.queue_up(connection);
        } else {
            connection.deadline = ahead.times_out.min(self.now + READ_AHEAD);
            drop(self.keep(connection));
        }
    }

    /// The first step of a graceful stop: nobody new, and a last chance for those who are connected.
    pub(super) fn begin_draining(&mut self) {
        self.obeyed |= orders::DRAIN;
        self.accept_the_last();
        self.bound_those_without_request();
        self.tell_if_drained();
    }

    /// What the kernel has accepted for us has been accepted. Where descriptors run out, some of it
    /// waits until a connection ends, and the listeners stay open for as long.
    pub(super) fn accept_the_last(&mut self) {
        self.accept_paused = false;
        self.accept_from_all(usize::MAX);
        self.stop_accepting();
        if !self.accept_paused {
            self.listeners.clear();
            self.shared.stopped_accepting();
        }
    }

    /// Takes what the first attempt had no descriptors for.
    pub(super) fn go_on_draining(&mut self) {
        self.accept_the_last();
        self.bound_those_without_request();
        self.tell_if_drained();
    }

    pub(super) fn tell_if_drained(&self) {
        if self.obeyed != 0 {
            self.shared.drained_if(self.slab.len() == 0 && self.listeners.is_empty());
        }
    }

    fn bound_those_without_request(&mut self) {
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
    }
}
