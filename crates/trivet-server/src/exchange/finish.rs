//! The end of a request: the log, the connection's way back, and the token's.

use super::*;
use crate::board::SLOW_MICROSECONDS;

impl<A: Application> Exchange<A> {
    /// The connection's socket, for an application that takes the connection over.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.open().socket.as_fd()
    }

    /// Bytes that came after the head of a request that asks for an upgrade, which belong to
    /// whoever takes the connection over.
    pub fn after_head(&self) -> &[u8] {
        &self.reader.buffer[self.first.clone()]
    }

    /// The application takes the connection over: this thread is its own for as long as that lasts.
    pub fn begin_conversation(&mut self) {
        if !std::mem::replace(&mut self.in_conversation, true) {
            // From here on nobody but the application knows what silence means.
            self.end_watch();
            self.shared.scheduler.conversation_begins();
            count(&self.shared.stats.conversations);
            self.give_token_away();
        }
    }

    /// Whether the application has taken the connection over.
    pub fn is_in_conversation(&self) -> bool {
        self.in_conversation
    }

    /// Lets go of a connection that the application has taken over through [`Exchange::socket`].
    pub fn let_go(&mut self) {
        self.end_gathering();
        self.end_watch();
        let Some(connection) = self.connection.take() else { return };
        if std::mem::take(&mut self.in_conversation) {
            self.shared.scheduler.conversation_ends();
            take_off(&self.shared.stats.conversations);
        }
        self.status = 101;
        // A second descriptor of the same socket would keep the registration alive.
        self.shared.waker.forget(&connection.socket);
        self.take_token_back();
        self.log_request(&connection);
        let key = connection.key;
        drop(connection);
        match &mut self.hub {
            Some(hub) => hub.forget(key),
            None => self.bring_back(Returned::Closed(key)),
        }
        self.end_of_request();
    }

    /// Ends the request: gives the connection back, and takes the token back if it still lies there.
    pub fn finish(&mut self) {
        if self.in_conversation {
            return self.let_go();
        }
        self.end_gathering();
        self.end_watch();
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let is_gone = self.client_left;
        if !is_gone {
            self.what_comes_next(&mut connection);
        }
        self.take_token_back();
        self.log_request(&connection);
        let key = connection.key;
        // Nothing to send and nothing to wait for: the end.
        let ends = is_gone
            || matches!(connection.phase, Phase::Flush(After::Close))
                && connection.output.is_empty();
        if ends {
            drop(connection);
            match &mut self.hub {
                Some(hub) => hub.forget(key),
                None => self.bring_back(Returned::Closed(key)),
            }
        } else {
            match &mut self.hub {
                Some(hub) => {
                    if matches!(connection.phase, Phase::Idle) {
                        hub.expect_next(&mut connection);
                    }
                    hub.put_back(connection);
                }
                None => {
                    connection.since = clock::now();
                    connection.is_put_off = false;
                    connection.was_served = true;
                    let timeout = milliseconds(self.shared.config.keep_alive);
                    connection.deadline = match connection.phase {
                        Phase::Idle => connection.since + timeout,
                        _ => 0,
                    };
                    self.bring_back(Returned::Open(connection));
                }
            }
        }
        self.end_of_request();
    }

    /// Sets the phase that the connection goes on in, and leaves the bytes of the next request there.
    pub(super) fn what_comes_next(&mut self, connection: &mut Connection<A>) {
        let body_is_over = self.reader.body.is_done();
        if !self.first.is_empty() {
            connection.input.extend_from_slice(&self.reader.buffer[self.first.clone()]);
        }
        if !self.later_at.is_empty() {
            connection.input.extend_from_slice(&self.later[self.later_at.clone()]);
        }
        if self.reader.more_may_wait {
            connection.lent.note(Lent::EVENT);
        }
        connection.discarded = 0;
        let after = if self.plan.close || self.stage != Stage::Over || self.body_failed.is_some() {
            if body_is_over && connection.input.is_empty() && connection.lent.peek() == 0 {
                After::Close
            } else {
                After::Linger
            }
        } else if body_is_over {
            After::Next
        } else {
            After::Discard(Box::new(self.reader.body.clone()))
        };
        connection.deadline = 0;
        connection.phase = match after {
            After::Next if connection.output.is_empty() => Phase::Idle,
            after => Phase::Flush(after),
        };
    }

    pub(super) fn take_token_back(&mut self) {
        if self.hub.is_some() || self.released != Released::Late {
            return;
        }
        self.hub = self.shared.scheduler.deposited.take(self.ticket);
        if self.hub.is_none() {
            // The monitor has found this request blocked.
            let path = self.reader.head.path.of(&self.reader.buffer);
            self.shared.scheduler.predictions.learn(path, true);
        }
    }

    /// The thread gives the connection back first and looks for marks afterwards: see [`Lent`].
    pub(super) fn bring_back(&self, returned: Returned<A>) {
        let (lent, needs_care) = match &returned {
            Returned::Closed(_) => (None, self.shared.is_ending()),
            Returned::Open(connection) => (
                Some(Arc::clone(&connection.lent)),
                !matches!(connection.phase, Phase::Idle)
                    || !connection.input.is_empty()
                    || self.shared.is_ending(),
            ),
        };
        self.shared.scheduler.bring_back(returned);
        if needs_care || lent.is_some_and(|lent| lent.peek() != 0) {
            self.shared.wake_poller();
        }
    }

    pub(super) fn end_of_request(&mut self) {
        let stats = &self.shared.stats;
        stats.count_answer(self.reader.head.method.of(&self.reader.buffer), self.status);
        stats.note_request_time(self.duration);
        if self.duration >= SLOW_MICROSECONDS {
            self.note_route();
        }
        self.shared.answered();
        if !self.later.is_empty() && self.later.capacity() > BODY_READ_BYTES {
            self.later = Vec::new();
        }
        self.counted = self.counted.wrapping_add(1);
        let changed = match self.released {
            Released::Sampled(before) => {
                let blocked = u32::from(system::voluntary_switches() > before);
                self.shared.scheduler.observe(1, blocked)
            }
            Released::Expected(before) => {
                let slept = system::voluntary_switches() - before;
                // The path's affair, and not a sign of what the others do.
                self.own_waits += slept;
                let path = self.reader.head.path.of(&self.reader.buffer);
                self.shared.scheduler.predictions.learn(path, slept > 0);
                false
            }
            _ if self.counted.is_multiple_of(LATE_SAMPLE) => self.observe_late(),
            _ => false,
        };
        if changed {
            count(&self.shared.stats.mode_changes);
        }
    }

    /// A request that took long, for whoever looks for the slowest routes. A conversation is no request.
    #[cold]
    fn note_route(&self) {
        if let Some(board) = self.shared.stats.board().filter(|_| self.status != 101) {
            let (head, buffer) = (&self.reader.head, &self.reader.buffer);
            let (method, path) = (head.method.of(buffer), head.path.of(buffer));
            self.shared.routes.note(board, method, path, self.duration);
        }
    }

    /// In the late mode one look at the counter of sleeps serves for many requests.
    pub(super) fn observe_late(&mut self) -> bool {
        let switches = system::voluntary_switches();
        let slept = (switches - self.switches).saturating_sub(self.own_waits);
        self.switches = switches;
        self.own_waits = 0;
        if self.shared.scheduler.mode() == Mode::Early {
            return false;
        }
        let blocked = u32::try_from(slept).unwrap_or(u32::MAX).min(LATE_SAMPLE);
        self.shared.scheduler.observe(LATE_SAMPLE, blocked)
    }

    pub(super) fn log_request(&mut self, connection: &Connection<A>) {
        self.duration = clock::now_microseconds().saturating_sub(self.started);
        if !self.logs {
            return;
        }
        let Some((format, _)) = self.shared.access_log() else { return };
        let path = self.reader.head.path.of(&self.reader.buffer);
        if access_log::is_skipped(&self.shared.config.access_log_skip, path, self.status) {
            return;
        }
        let shows_id = !self.shared.config.request_id.is_empty() || format.shows_request_id();
        if shows_id && self.request_id.is_empty() {
            // SAFETY: this is the thread of the request.
            unsafe { self.running.write_request_id(&mut self.request_id) };
        }
        let entry = Entry {
            address: &self.client(connection.peer),
            unix_seconds: clock::unix_seconds(),
            subject: Subject::Request(&self.reader.head, &self.reader.buffer),
            status: self.status,
            bytes: self.body_sent,
            microseconds: self.duration,
            answer_fields: &self.answer_fields,
            request_id: shows_id.then_some(&self.request_id),
            proxy_queue: self.proxy_queue(),
        };
        match &mut self.hub {
            Some(hub) => {
                hub.lines().add(format, &entry);
                if hub.lines().is_full() {
                    hub.write_log();
                }
            }
            None => self.lines.add(format, &entry),
        }
        self.answer_fields.fill(None);
    }

    pub(super) fn write_log(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        if let Some((_, sink)) = self.shared.access_log() {
            sink.write(&mut self.lines, &self.shared.stats);
        }
    }
}
