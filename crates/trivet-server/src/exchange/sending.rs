//! Handing the answer to the kernel, and to a queue what the kernel does not take at once.

use super::*;

impl<A: Application> Exchange<A> {
    /// Sends the whole body, with the head if that is still here: the common case, one system call.
    /// `share` gives the bytes without a copy, for those the client does not take at once.
    pub fn send_whole(&mut self, body: &[u8], share: impl FnOnce() -> A::Bytes) -> Sent {
        if self.hides_a_broken_body() {
            self.answer_failure();
            return Sent::ClientLeft;
        }
        if self.stage == Stage::Head {
            self.end_head(Some(body.len() as u64));
        }
        let sent = self.send_part(body, share);
        self.end_body();
        sent
    }

    /// Sends a part of the body. The first part takes the head with it.
    /// `length` is the length of all parts together, where that is known.
    pub fn send_part_of(
        &mut self,
        body: &[u8],
        length: Option<u64>,
        share: impl FnOnce() -> A::Bytes,
    ) -> Sent {
        if self.hides_a_broken_body() {
            self.answer_failure();
            return Sent::ClientLeft;
        }
        if self.stage == Stage::Head {
            self.end_head(length);
        }
        let sent = self.send_part(body, share);
        if sent == Sent::Ok {
            self.fall_silent();
        }
        sent
    }

    pub(super) fn send_part(&mut self, body: &[u8], share: impl FnOnce() -> A::Bytes) -> Sent {
        let body = self.allowed(body);
        if !self.plan.send_body || body.is_empty() {
            return self.push_out();
        }
        self.body_sent += body.len() as u64;
        let is_chunked = matches!(self.plan.framing, Framing::Chunked);
        if is_chunked {
            let (head, length) = response::chunk_head(body.len());
            self.out.extend_from_slice(&head[..length]);
        }
        let tail: &[u8] = if is_chunked { b"\r\n" } else { b"" };
        if body.len() <= COPY_BYTES {
            self.out.extend_from_slice(body);
            self.out.extend_from_slice(tail);
            return self.push_part();
        }
        self.push_large(body, tail, share)
    }

    /// Sends what is in `out` with more to follow, which the kernel may gather into one segment.
    fn push_part(&mut self) -> Sent {
        let is_last =
            matches!(self.plan.framing, Framing::Length(length) if self.body_sent >= length);
        if is_last {
            return self.push_out();
        }
        if !self.speak() {
            return self.push_out();
        }
        let now = clock::now_microseconds();
        let is_quick = now - self.last_part < QUICK_PART_MICROSECONDS;
        self.last_part = now;
        if !is_quick || !self.may_gather() {
            return self.push_out();
        }
        let Some(connection) = &mut self.connection else {
            return Sent::ClientLeft;
        };
        if !connection.output.is_empty() {
            return self.push_out();
        }
        match system::send_more(&connection.socket, &self.out) {
            Ok(sent) if sent == self.out.len() => {
                add(&self.shared.stats.bytes_sent, sent as u64);
                self.out.clear();
                if !self.monitor_watches() {
                    // It has taken the token just now, and will not look here again.
                    gathering::let_go(self.open().socket.as_fd());
                }
                Sent::Ok
            }
            Ok(sent) => {
                add(&self.shared.stats.bytes_sent, sent as u64);
                self.out.drain(..sent);
                self.push_out()
            }
            // Whatever it is, the plain way deals with it.
            Err(_) => self.push_out(),
        }
    }

    fn may_gather(&mut self) -> bool {
        if self.client_left || !self.monitor_watches() {
            return false;
        }
        self.gathers =
            self.gathers || self.shared.scheduler.gathering.begin(self.open().socket.as_fd());
        self.gathers
    }

    /// Whether the monitor ticks for this request: only while its deposit of the token lies there.
    fn monitor_watches(&self) -> bool {
        self.released == Released::Late
            && self.shared.scheduler.deposited.look() == Look::Deposited(self.ticket)
    }

    /// Leaves the place of the socket that gathers.
    pub(super) fn end_gathering(&mut self) {
        if std::mem::take(&mut self.gathers) {
            self.shared.scheduler.gathering.end();
        }
    }

    /// The part of some bytes that the declared length has room for (RFC 9112 section 6.3: what is
    /// beyond it would be read as the next answer).
    pub(super) fn allowed<'b>(&mut self, body: &'b [u8]) -> &'b [u8] {
        let Framing::Length(length) = self.plan.framing else {
            return body;
        };
        let room = length.saturating_sub(self.body_sent);
        if (body.len() as u64) <= room {
            return body;
        }
        self.cut = true;
        &body[..room as usize]
    }

    /// Sends `out` and then a large body, copying nothing that the kernel takes now.
    pub(super) fn push_large(
        &mut self,
        body: &[u8],
        tail: &[u8],
        share: impl FnOnce() -> A::Bytes,
    ) -> Sent {
        if !self.speak() || self.client_left {
            self.out.clear();
            return Sent::ClientLeft;
        }
        let Some(connection) = &mut self.connection else {
            return Sent::ClientLeft;
        };
        let mut sent = 0;
        let head = self.out.len();
        if connection.output.is_empty() {
            let pieces = [IoSlice::new(&self.out), IoSlice::new(body), IoSlice::new(tail)];
            match system::send_pieces(&connection.socket, &pieces) {
                Ok(count) => sent = count,
                Err(Errno::AGAIN) => {}
                Err(_) => return self.lose_client(),
            }
        }
        add(&self.shared.stats.bytes_sent, (head + body.len() + tail.len()) as u64);
        if sent < head {
            connection.output.push_copy(&self.out[sent..]);
        }
        self.out.clear();
        let of_body = sent.saturating_sub(head).min(body.len());
        if of_body < body.len() {
            // A body that is longer than allowed is sent in part only, so it is copied.
            let bytes = share();
            if bytes.as_ref().len() == body.len() {
                connection.output.push(Piece::Shared { bytes, sent: of_body });
            } else {
                connection.output.push_copy(&body[of_body..]);
            }
        }
        let of_tail = sent.saturating_sub(head + body.len());
        if of_tail < tail.len() {
            connection.output.push_copy(&tail[of_tail..]);
        }
        self.room()
    }

    /// Sends what is in `out`, after what is queued.
    pub(super) fn push_out(&mut self) -> Sent {
        if !self.speak() || self.client_left {
            self.out.clear();
            return Sent::ClientLeft;
        }
        let Some(connection) = &mut self.connection else {
            return Sent::ClientLeft;
        };
        add(&self.shared.stats.bytes_sent, self.out.len() as u64);
        if connection.output.is_empty() {
            if self.out.is_empty() {
                return Sent::Ok;
            }
            match system::send(&connection.socket, &self.out) {
                Ok(sent) if sent == self.out.len() => {
                    self.out.clear();
                    return Sent::Ok;
                }
                Ok(sent) => connection.output.push_copy(&self.out[sent..]),
                Err(Errno::AGAIN) => connection.output.push_copy(&self.out),
                Err(_) => return self.lose_client(),
            }
            self.out.clear();
        } else {
            connection.output.push_copy(&self.out);
            self.out.clear();
            if connection.output.flush(&connection.socket) == Flushed::Broken {
                return self.lose_client();
            }
        }
        self.room()
    }

    /// PEP 3333: what has not gone out must not wait for the application's next part. Only what
    /// ends a body of known length may be left for the hub, which sends on after the request.
    pub(super) fn room(&self) -> Sent {
        let output = &self.open().output;
        let is_last =
            matches!(self.plan.framing, Framing::Length(length) if self.body_sent >= length);
        if output.is_empty() {
            Sent::Ok
        } else if output.owned_bytes() > BACKLOG_BYTES || output.pieces() > BACKLOG_PIECES {
            Sent::Full
        } else if is_last {
            Sent::Ok
        } else {
            Sent::Queued
        }
    }

    pub(super) fn lose_client(&mut self) -> Sent {
        self.out.clear();
        self.client_left = true;
        count(&self.shared.stats.answers_cut);
        Sent::ClientLeft
    }

    /// Waits until the client has taken what is queued. Blocks.
    pub fn wait_for_room(&mut self) -> Sent {
        let sent = self.wait_until_taken();
        self.fall_silent();
        sent
    }

    fn wait_until_taken(&mut self) -> Sent {
        let demand = self.shared.config.write_demand();
        let mut pace = None;
        loop {
            if !self.speak() || self.client_left {
                return Sent::ClientLeft;
            }
            let Some(connection) = &mut self.connection else {
                return Sent::ClientLeft;
            };
            match connection.output.flush(&connection.socket) {
                Flushed::All => return Sent::Ok,
                Flushed::Yielded => {}
                Flushed::Broken => return self.lose_client(),
                Flushed::Blocked(_) => {
                    let taken = connection.taken();
                    let pace = pace.get_or_insert_with(|| Pace::begin(clock::now(), taken));
                    if pace.is_too_slow(clock::now(), taken, demand) {
                        connection.give_up();
                        return self.lose_client();
                    }
                    // Room may be long in coming although the client takes what there is.
                    let interval = Duration::from_millis(demand.interval());
                    self.wait_for_client(PollFlags::OUT, interval);
                }
            }
        }
    }

    /// Sends a part of a file as the whole body; the engine reads it after the application is done.
    pub fn send_file(&mut self, file: OwnedFd, offset: u64, length: u64) -> Sent {
        if self.hides_a_broken_body() {
            self.answer_failure();
            return Sent::ClientLeft;
        }
        if self.stage == Stage::Head {
            self.end_head(Some(length));
        }
        let length = match self.plan.framing {
            Framing::Length(declared) => length.min(declared.saturating_sub(self.body_sent)),
            _ => length,
        };
        if !self.plan.send_body || length == 0 {
            let sent = self.push_out();
            self.end_body();
            return sent;
        }
        if !self.speak() {
            self.end_body();
            return Sent::ClientLeft;
        }
        self.body_sent += length;
        add(&self.shared.stats.bytes_sent, length);
        // Whether chunked or not, the length of a file is known: one chunk.
        let is_chunked = matches!(self.plan.framing, Framing::Chunked);
        if is_chunked {
            let (head, digits) = response::chunk_head(length as usize);
            self.out.extend_from_slice(&head[..digits]);
        }
        let out = std::mem::take(&mut self.out);
        let connection = self.open_mut();
        connection.output.push(Piece::Owned { bytes: out, sent: 0 });
        connection.output.push(Piece::File { file, offset, rest: length });
        if is_chunked {
            connection.output.push_copy(b"\r\n");
        }
        let flushed = connection.output.flush(&connection.socket);
        self.out = Vec::with_capacity(COPY_BYTES + 1024);
        let sent = if flushed == Flushed::Broken { self.lose_client() } else { Sent::Ok };
        self.end_body();
        sent
    }
}
