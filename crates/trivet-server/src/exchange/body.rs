//! Reading the body of the request, as the application asks for it.

use super::*;

/// RFC 9110 section 10.1.1.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<A: Application> Exchange<A> {
    /// Whether any byte of the body is still unread.
    pub fn has_body(&self) -> bool {
        !self.reader.body.is_done()
    }

    /// Bytes of the body that are still unread, where its framing tells.
    pub fn body_rest(&self) -> Option<u64> {
        self.reader.body.known_rest()
    }

    /// The next bytes of the body that are here, at most `most`.
    ///
    /// # Errors
    /// When the body cannot be read to its end; the same error again on later calls.
    pub fn read_body(&mut self, most: usize) -> Result<BodyBytes<'_>, BodyError> {
        if let Some(error) = self.body_failed {
            return Err(error);
        }
        let most = most.max(1);
        loop {
            let from_first = !self.first.is_empty();
            let (buffer, at) = if from_first {
                (&self.reader.buffer, &mut self.first)
            } else {
                (&self.later, &mut self.later_at)
            };
            let available = &buffer[at.clone()];
            // A length or a chunk may be taken in parts, the framing between chunks may not.
            let shown = match self.reader.body.known_rest() {
                Some(_) => &available[..available.len().min(most)],
                None => available,
            };
            let mut ahead = self.reader.body.clone();
            let step = match ahead.step(shown, &self.shared.config.limits) {
                Ok(step) => step,
                Err(rejection) => return Err(self.fail_body(BodyError::Rejected(rejection))),
            };
            match step {
                Step::Data { start, end } if end - start > most => {
                    // Read again with an end that leaves no more than `most`.
                    let end = start + most;
                    let step = self.reader.body.step(&available[..end], &self.shared.config.limits);
                    debug_assert_eq!(step, Ok(Step::Data { start, end }));
                    let range = at.start + start..at.start + end;
                    at.start += end;
                    let buffer = if from_first { &self.reader.buffer } else { &self.later };
                    return Ok(BodyBytes::Some(&buffer[range]));
                }
                Step::Data { start, end } => {
                    self.reader.body = ahead;
                    let range = at.start + start..at.start + end;
                    at.start += end;
                    let buffer = if from_first { &self.reader.buffer } else { &self.later };
                    return Ok(BodyBytes::Some(&buffer[range]));
                }
                Step::End { consumed } => {
                    self.reader.body = ahead;
                    at.start += consumed;
                    return Ok(BodyBytes::End);
                }
                Step::NeedMore { consumed } => {
                    self.reader.body = ahead;
                    at.start += consumed;
                    if !from_first {
                        return Ok(BodyBytes::NotYet);
                    }
                }
            }
        }
    }

    /// Waits until more of the body has come, having told the client to send it where it asked
    /// (RFC 9110 section 10.1.1). Blocks.
    ///
    /// # Errors
    /// When nothing came for the whole body timeout, or the client left.
    pub fn wait_for_body(&mut self) -> Result<(), BodyError> {
        if let Some(error) = self.body_failed {
            return Err(error);
        }
        if !self.speak() {
            return Err(self.fail_body(BodyError::ClientLeft));
        }
        let began = clock::now();
        let result = self.wait_for_more_of_body();
        self.fall_silent_after_wait(began);
        result
    }

    fn wait_for_more_of_body(&mut self) -> Result<(), BodyError> {
        if std::mem::take(&mut self.wants_continue) && !self.head_is_sent() {
            // A head that has been begun stays here and may still be changed.
            let head = std::mem::replace(&mut self.out, CONTINUE.to_vec());
            let sent = self.push_out();
            self.out = head;
            if sent == Sent::ClientLeft {
                return Err(self.fail_body(BodyError::ClientLeft));
            }
        }
        let mut waited = false;
        loop {
            if self.later.is_empty() {
                self.later.resize(BODY_READ_BYTES, 0);
            }
            let connection = self.connection.as_mut().expect("a request is running");
            match system::receive(&connection.socket, &mut self.later) {
                Ok(0) => return Err(self.fail_body(BodyError::ClientLeft)),
                Ok(received) => {
                    add(&self.shared.stats.bytes_received, received as u64);
                    // What follows may have come with an event that was noted before this read.
                    self.reader.more_may_wait = true;
                    self.later_at = 0..received;
                    self.body_arrived += received as u64;
                    return self.look_at_rate();
                }
                Err(Errno::AGAIN) if waited => {
                    return Err(self.fail_body(BodyError::Stalled));
                }
                Err(Errno::AGAIN) => {
                    let began = clock::now();
                    waited = !self.wait_for_client(PollFlags::IN, self.shared.config.body_timeout);
                    self.body_waited += clock::now() - began;
                }
                Err(_) => return Err(self.fail_body(BodyError::ClientLeft)),
            }
        }
    }

    /// The time in which the application did not ask for more does not count.
    fn look_at_rate(&mut self) -> Result<(), BodyError> {
        let demand = self.shared.config.body_demand();
        if self.body_waited < demand.patience {
            return Ok(());
        }
        let is_too_slow = self.body_arrived < demand.least(self.body_waited);
        self.body_waited = 0;
        self.body_arrived = 0;
        if is_too_slow { Err(self.fail_body(BodyError::Stalled)) } else { Ok(()) }
    }

    pub(super) fn fail_body(&mut self, error: BodyError) -> BodyError {
        self.body_failed = Some(error);
        error
    }

    pub(super) fn rest_can_be_discarded(&self) -> bool {
        if self.wants_continue {
            // The client was never told to send the body, and may or may not do so now.
            return self.reader.body.is_done();
        }
        match self.reader.body.known_rest() {
            Some(rest) => rest <= DISCARD_BYTES,
            // Chunks do not tell how many follow: only an end that is already here is near.
            None => self.length_of_body_here().is_some(),
        }
    }

    /// Bytes of a chunked body that are still unread, if all of it is here.
    pub fn length_of_body_here(&self) -> Option<u64> {
        let mut body = self.reader.body.clone();
        let mut length = 0;
        let here = [&self.reader.buffer[self.first.clone()], &self.later[self.later_at.clone()]];
        for mut rest in here {
            loop {
                match body.step(rest, &self.shared.config.limits) {
                    Ok(Step::Data { start, end }) => {
                        length += (end - start) as u64;
                        rest = &rest[end..];
                    }
                    Ok(Step::End { .. }) => return Some(length),
                    Ok(Step::NeedMore { .. }) => break,
                    Err(_) => return None,
                }
            }
        }
        None
    }

    /// Whether the request body could not be read, which is the client's doing.
    pub fn body_failed(&self) -> bool {
        self.body_failed.is_some()
    }
}
