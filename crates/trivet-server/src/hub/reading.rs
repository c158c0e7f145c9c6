//! Reading a request until the application can be called.

use super::*;

/// A head that is no longer than this is parsed again whenever a byte comes.
const FIRST_BYTES: usize = 32;

impl<A: Application> Hub<A> {
    /// Reads until the head of a request is whole. On entry `input` may hold its beginning.
    pub(super) fn read_head(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &mut Reader,
    ) -> Way<A> {
        if matches!(connection.phase, Phase::Idle) && !connection.input.is_empty() {
            // Left over from the request before: pipelining (RFC 9112 section 9.3.2).
            let input = std::mem::take(&mut connection.input);
            reader.load(&input);
            reader.more_may_wait = true;
            match reader.head.parse(&input, &self.shared.config.limits) {
                Ok(Progress::Complete) => return self.head_is_whole(connection, reader),
                Ok(Progress::Partial) => self.head_has_begun(&mut connection, input),
                Err(rejection) => return self.reject_read(connection, reader, &rejection),
            }
        }
        loop {
            let received =
                match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                    Ok(0) => return self.head_has_ended(connection, reader),
                    Ok(received) => received,
                    Err(Errno::AGAIN) => return self.keep(connection),
                    Err(_) => return self.close(connection),
                };
            add(&self.shared.stats.bytes_received, received as u64);
            reader.more_may_wait = may_hold_more(connection.peer_closed, received);
            let limits = &self.shared.config.limits;
            if connection.input.is_empty() {
                reader.filled = received;
                match reader.head.parse(&reader.buffer[..received], limits) {
                    Ok(Progress::Complete) => return self.head_is_whole(connection, reader),
                    Ok(Progress::Partial) => {
                        let begun = reader.buffer[..received].to_vec();
                        self.head_has_begun(&mut connection, begun);
                    }
                    Err(rejection) => return self.reject_read(connection, reader, &rejection),
                }
            } else {
                let news = &reader.buffer[..received];
                connection.input.extend_from_slice(news);
                // Parsing again is worth it only when a line has ended or a limit may be passed.
                // That bounds the work by lines, not bytes, for a client that sends byte by byte. The
                // first bytes are looked at one by one: TLS and other protocols have no lines.
                let is_beginning = connection.input.len() <= FIRST_BYTES;
                let is_long_line = connection.input.len() > limits.request_line_bytes
                    && !connection.input.contains(&b'\n');
                if news.contains(&b'\n')
                    || is_beginning
                    || is_long_line
                    || connection.input.len() > limits.head_bytes
                {
                    match reader.head.parse(&connection.input, limits) {
                        Ok(Progress::Complete) => {
                            let input = std::mem::take(&mut connection.input);
                            reader.load(&input);
                            return self.head_is_whole(connection, reader);
                        }
                        Ok(Progress::Partial) => {}
                        Err(rejection) => return self.reject(connection, &rejection),
                    }
                }
                self.bound_head(&mut connection);
            }
            if !reader.more_may_wait {
                return self.keep(connection);
            }
        }
    }

    /// The client sends no more. Of a head that was cut into pieces the last line may not have been
    /// looked at yet; its fault is told to a client that still reads, as if it had come whole.
    fn head_has_ended(&mut self, connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        match reader.head.parse(&connection.input, &self.shared.config.limits) {
            Err(rejection) => self.reject(connection, &rejection),
            // RFC 9112 section 8: what is not whole may be left without an answer.
            Ok(_) => self.close(connection),
        }
    }

    pub(super) fn head_has_begun(&self, connection: &mut Connection<A>, begun: Vec<u8>) {
        connection.input = begun;
        connection.phase = Phase::Head;
        connection.since = self.now;
        connection.deadline = Milliseconds::MAX;
        self.bound_head(connection);
        if self.is_draining() {
            connection.deadline = connection.deadline.min(self.now + DRAIN_GRACE);
        }
    }

    /// The head must be whole in time, and come at the least rate after a grace.
    fn bound_head(&self, connection: &mut Connection<A>) {
        if self.is_draining() && connection.deadline != Milliseconds::MAX {
            return;
        }
        let demand = self.shared.config.head_demand();
        let grace = demand.patience / HEAD_GRACE_SHARE;
        let earned = grace.saturating_add(demand.time_for(connection.input.len()));
        connection.deadline = connection.since + demand.patience.min(earned);
    }

    /// Parses a request that `load` has put into the reader and that was whole before.
    pub(super) fn parse_loaded(
        &mut self,
        connection: Box<Connection<A>>,
        reader: &mut Reader,
    ) -> Way<A> {
        match reader.head.parse(&reader.buffer[..reader.filled], &self.shared.config.limits) {
            Ok(Progress::Complete) => {
                reader.body = BodyReader::new(&reader.head.body, self.shared.config.body_limit);
                Way::Run(connection)
            }
            // It was whole when it was gathered.
            Ok(Progress::Partial) => self.close(connection),
            Err(rejection) => self.reject_read(connection, reader, &rejection),
        }
    }

    /// The head is in the reader; decides whether the application can be called at once.
    pub(super) fn head_is_whole(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &mut Reader,
    ) -> Way<A> {
        if let Some(probe) = self.probe(reader) {
            match self.answer_probe(connection, reader, probe) {
                Ok(way) => return way,
                Err(not_asked) => connection = not_asked,
            }
        }
        let head = &reader.head;
        reader.body = BodyReader::new(&head.body, self.shared.config.body_limit);
        connection.deadline = 0;
        let length = match head.body {
            Body::None => return Way::Run(connection),
            Body::Length(length) => Some(length),
            Body::Chunked => None,
        };
        if let (Some(length), Some(limit)) = (length, self.shared.config.body_limit)
            && length > limit
        {
            return self.reject_read(connection, reader, &error::BODY_TOO_LARGE);
        }
        // A client that waits for "100 Continue" gets it when the application first reads.
        if head.expect_continue {
            return Way::Run(connection);
        }
        let here = (reader.filled - head.len) as u64;
        if length.is_some_and(|length| {
            here >= length
                || here >= READ_AHEAD_BYTES as u64
                    && self.shared.scheduler.has_room_for_slow_bodies()
        }) {
            return Way::Run(connection);
        }
        let times_out = self.now + milliseconds(self.shared.config.body_timeout);
        let ahead = BodyAhead {
            reader: reader.body.clone(),
            seen: head.len,
            began: self.now,
            times_out,
            is_held_back: false,
        };
        connection.input = reader.buffer[..reader.filled].to_vec();
        connection.phase = Phase::Body(Box::new(ahead));
        connection.deadline = times_out.min(self.now + READ_AHEAD);
        self.read_body_ahead(connection, reader)
    }

    /// Reads the body until it is whole or long enough to start the application with.
    pub(super) fn read_body_ahead(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &mut Reader,
    ) -> Way<A> {
        loop {
            let Phase::Body(ahead) = &mut connection.phase else {
                unreachable!("called in the phase Body only")
            };
            match see_ahead(ahead, &connection.input, &self.shared.config.limits) {
                Err(rejection) => return self.reject(connection, &rejection),
                Ok(Seen::TooLittle) => {}
                Ok(Seen::Enough) if !self.shared.scheduler.has_room_for_slow_bodies() => {
                    // As many threads wait for clients as may. What is not read here is read by
                    // the application, or noticed when it has answered without reading.
                    ahead.is_held_back = true;
                    connection.deadline = ahead.times_out.min(self.now + READ_AHEAD);
                    connection.lent.note(Lent::EVENT);
                    return self.keep(connection);
                }
                Ok(Seen::Enough | Seen::All) => {
                    let input = std::mem::take(&mut connection.input);
                    reader.load(&input);
                    connection.deadline = 0;
                    return self.parse_loaded(connection, reader);
                }
            }
            match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                // It may still read, and hears the same as when the application reads the body.
                Ok(0) => return self.reject(connection, &error::BODY_CUT),
                Ok(received) => {
                    add(&self.shared.stats.bytes_received, received as u64);
                    reader.more_may_wait = may_hold_more(connection.peer_closed, received);
                    connection.input.extend_from_slice(&reader.buffer[..received]);
                    let demand = self.shared.config.body_demand();
                    let earned = demand.time_for(connection.input.len());
                    let slowest = ahead.began.saturating_add(earned) + demand.patience;
                    ahead.times_out = slowest.min(self.now + demand.patience);
                }
                Err(Errno::AGAIN) => return self.keep(connection),
                Err(_) => return self.close(connection),
            }
        }
    }
}

/// How much of a body is here.
enum Seen {
    TooLittle,
    /// So much that the application may begin with it.
    Enough,
    All,
}

fn see_ahead(
    ahead: &mut BodyAhead,
    input: &[u8],
    limits: &trivet_http::Limits,
) -> Result<Seen, Rejection> {
    loop {
        match ahead.reader.step(&input[ahead.seen..], limits)? {
            Step::Data { end, .. } => ahead.seen += end,
            Step::End { .. } => return Ok(Seen::All),
            Step::NeedMore { consumed } => {
                ahead.seen += consumed;
                let is_enough = ahead.seen >= READ_AHEAD_BYTES;
                return Ok(if is_enough { Seen::Enough } else { Seen::TooLittle });
            }
        }
    }
}

/// A short read has emptied the socket: asking again would only say so, unless the end of the
/// client's side may be there, which not every system tells.
fn may_hold_more(peer_closed: bool, received: usize) -> bool {
    received == READ_BYTES || peer_closed || !system::TELLS_OF_CLOSING
}
