//! The head of the answer, and how an answer ends; the bytes are sent in `sending`.

use super::*;

impl<A: Application> Exchange<A> {
    /// Whether the answer has no body whatever the application makes (RFC 9110 section 9.3.2).
    fn is_head(&self) -> bool {
        self.reader.head.method.of(&self.reader.buffer) == b"HEAD"
    }

    /// Whether the head has been handed to the client and can not be changed any more.
    pub fn head_is_sent(&self) -> bool {
        matches!(self.stage, Stage::Body | Stage::Over)
    }

    /// Whether the application has given a head.
    pub fn has_head(&self) -> bool {
        self.stage != Stage::Nothing
    }

    pub(super) fn reset_head(&mut self) {
        self.out.clear();
        self.declared_length = None;
        self.has_date = false;
        self.has_server = false;
        self.app_closes = false;
    }

    /// Begins the head, or begins it anew if it has not been sent.
    ///
    /// # Errors
    /// When it has been sent, or the status is not three digits and a reason.
    pub fn start_head(&mut self, status: &[u8]) -> Result<(), Refused> {
        if self.head_is_sent() {
            return Err(Refused::TooLate);
        }
        self.reset_head();
        self.stage = Stage::Nothing;
        let (code, reason) = response::parse_status(status).map_err(Refused::Invalid)?;
        response::write_status_line(&mut self.out, code, reason);
        self.status = code;
        self.stage = Stage::Head;
        Ok(())
    }

    /// Adds a field to the head. Fields that belong to the connection are left to the engine.
    ///
    /// # Errors
    /// When name or value could break the head apart (RFC 9110 section 5.5).
    pub fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        match response::write_field(&mut self.out, name, value).map_err(Refused::Invalid)? {
            Noted::ContentLength(length) => {
                if let Some(other) = self.declared_length.replace(length).filter(|&n| n != length) {
                    return Err(Refused::Invalid(Invalid::two_lengths(other, length)));
                }
            }
            Noted::Connection { close } => self.app_closes |= close,
            Noted::Date => self.has_date = true,
            Noted::Server => self.has_server = true,
            _ => {}
        }
        Ok(())
    }

    /// Forgets a head that turned out to be invalid.
    pub fn drop_head(&mut self) {
        if self.stage == Stage::Head {
            self.reset_head();
            self.stage = Stage::Nothing;
        }
    }

    /// Completes the head in `out`; the body may follow in the same piece.
    pub(super) fn end_head(&mut self, known_length: Option<u64>) {
        let head = &self.reader.head;
        let connection = self.connection.as_ref().expect("a request is running");
        let sends_no_more = connection.peer_closed && self.reader.filled == head.len;
        // A body that cannot be read to its end leaves the connection without a beginning for
        // the next request.
        let can_go_on = head.keep_alive
            && !self.app_closes
            && self.body_failed.is_none()
            && !self.shared.is_draining()
            && self
                .shared
                .config
                .requests_per_connection
                .is_none_or(|most| connection.requests < most)
            && !self.shared.config.keep_alive.is_zero()
            && !sends_no_more
            && self.rest_can_be_discarded();
        let is_head = self.is_head();
        self.plan = response::plan(
            head.version,
            is_head,
            self.status,
            self.declared_length,
            known_length,
            can_go_on,
        );
        let server: &[u8] = if self.has_server { b"" } else { &self.shared.config.server };
        let date = if self.has_date { None } else { Some(self.date.text()) };
        response::finish_head(&mut self.out, &self.plan, head.version, date, server);
        if self.looks_at_heads {
            self.look_at_head(response::append_field);
        }
        self.stage = Stage::Body;
    }

    /// Puts the id into the head in `out`, unless the application has given one, and keeps what the
    /// access log shows of it. `add` is how a field gets there.
    #[cold]
    fn look_at_head(&mut self, add: fn(&mut Vec<u8>, &[u8], &[u8])) {
        self.request_id();
        let name = &self.shared.config.request_id;
        if !name.is_empty() && response::field(&self.out, name).is_none() {
            add(&mut self.out, name, &self.request_id);
        }
        if let Some((format, _)) = self.shared.access_log() {
            for (name, place) in format.answer_fields().iter().zip(&mut self.answer_fields) {
                *place = response::field(&self.out, name).map(<[u8]>::to_vec);
            }
        }
    }

    /// Ends the body. What was promised and not sent cannot be made good: the connection ends.
    pub fn end_body(&mut self) {
        if self.hides_a_broken_body() {
            return self.answer_failure();
        }
        if self.stage == Stage::Head {
            self.end_head(Some(0));
        }
        if self.stage != Stage::Body {
            return;
        }
        self.stage = Stage::Over;
        match self.plan.framing {
            Framing::Chunked if self.plan.send_body => {
                self.out.extend_from_slice(response::LAST_CHUNK);
            }
            Framing::Length(length) if self.plan.send_body && self.body_sent < length => {
                self.plan.close = true;
                self.cut = true;
            }
            _ => {}
        }
        if self.gathers {
            self.end_gathering();
            if self.out.is_empty() {
                gathering::let_go(self.open().socket.as_fd());
            }
        }
        self.push_out();
    }

    /// What to tell the application's author when the body was longer or shorter than its
    /// Content-Length said.
    pub fn wrong_length(&self) -> Option<String> {
        let declared = self.declared_length.filter(|_| self.cut)?;
        Some(format!(
            "Content-Length said {declared} bytes, and the body was {}; what was too much was not \
             sent, and a client that got too little sees a cut answer",
            if self.body_sent < declared { "shorter" } else { "longer" },
        ))
    }

    /// The application failed after the head was sent: the client must see that the body is cut, so
    /// neither a last chunk nor a next answer may follow (RFC 9112 section 8).
    pub fn abort(&mut self) {
        if self.stage == Stage::Head {
            self.drop_head();
        }
        if self.stage == Stage::Body {
            self.stage = Stage::Over;
            self.plan.close = true;
            self.out.clear();
            count(&self.shared.stats.answers_cut);
            if self.plan.framing == Framing::UntilClose {
                // An orderly end would make the part look whole. A reset is all that is left to say
                // so, and a proxy that speaks HTTP/1.0 to us passes it on as an error.
                reset_when_closed(&self.open().socket);
                self.client_left = true;
            }
        }
    }

    /// The answer of the engine for an application that gave none: 500, or what the broken body
    /// asks for.
    pub fn answer_failure(&mut self) {
        if self.head_is_sent() {
            self.abort();
            return;
        }
        self.reset_head();
        self.stage = Stage::Over;
        self.plan.close = true;
        let rejection = match self.body_failed {
            None => error::APP_FAILED,
            Some(BodyError::Rejected(rejection)) => rejection,
            Some(BodyError::Stalled) => error::BODY_TIMEOUT,
            // It may still read: only its sending side may be closed.
            Some(BodyError::ClientLeft) => error::BODY_CUT,
        };
        self.status = rejection.status;
        let is_head = self.is_head();
        response::write_rejection(
            &mut self.out,
            &rejection,
            self.date.text(),
            &self.shared.config.server,
            is_head,
        );
        if self.looks_at_heads {
            self.look_at_head(response::insert_field);
        }
        let body = self.out.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4);
        self.body_sent = self.out.len().saturating_sub(body.unwrap_or(usize::MAX)) as u64;
        self.push_out();
    }

    /// Whether the application answers 5xx because the client's body could not be read: frameworks
    /// make that of the error, and the client must hear of its own mistake instead.
    pub(super) fn hides_a_broken_body(&self) -> bool {
        self.stage == Stage::Head && self.status >= 500 && self.body_failed.is_some()
    }

    /// Counts a panic that was caught around the application.
    pub fn note_panic(&self) {
        count(&self.shared.stats.panics);
    }
}
