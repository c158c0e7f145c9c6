//! One request and its answer, as the thread that runs the application sees them.
//!
//! A thread makes one exchange and uses it for all its requests. `wait` and the other methods named
//! `wait_…` block and must be called without the interpreter's lock; nothing else here blocks.

use std::fmt;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{SocketAddr, SocketAddrAny};
use trivet_http::response::{self, Framing, Invalid, Noted, Plan};
use trivet_http::{Head, Span, Version, error};

use crate::access_log::{Entry, LogFormat, Lines};
use crate::application::Application;
use crate::body::{BodyError, Step};
use crate::clock::{self, Date};
use crate::connection::{After, Connection, Lent, Phase};
use crate::engine::Shared;
use crate::hub::{DISCARD_BYTES, Hub, Reader};
use crate::output::{Flushed, Piece};
use crate::scheduler::{Mode, Returned, Seat, Woken};
use crate::stats::count;
use crate::system;
use crate::token::Ticket;

/// Bodies up to this size are copied behind the head and sent with it in one piece.
const COPY_BYTES: usize = 16 * 1024;
/// What a slow client may leave unsent before a streaming application has to wait for it.
const BACKLOG_BYTES: usize = 64 * 1024;
/// The same, in pieces that are not copied.
const BACKLOG_PIECES: usize = 4;
/// One read of a body takes at most this much.
const BODY_READ_BYTES: usize = 64 * 1024;
/// Requests that run without letting other threads of the interpreter in between.
const REQUESTS_PER_TURN: u32 = 64;
/// In the early mode, one request in so many is looked at for the choice of the mode.
const EARLY_SAMPLE: u32 = 8;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Address and port.
    Tcp(std::net::SocketAddr),
    /// A Unix socket, which has no address worth telling.
    Unix,
}

/// What a read of the request body gives.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyBytes<'a> {
    /// Some of it.
    Some(&'a [u8]),
    /// Nothing now: call [`Exchange::wait_for_body`].
    NotYet,
    /// It is over.
    End,
}

/// What became of bytes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Sent or queued; more may follow.
    Ok,
    /// Queued, and more should not follow before [`Exchange::wait_for_room`].
    Full,
    /// The client is gone; nothing more needs to be made.
    ClientLeft,
}

/// Why a part of an answer was not taken.
#[derive(Debug)]
pub enum Refused {
    /// Not valid HTTP.
    Invalid(Invalid),
    /// The head is with the client already.
    TooLate,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(formatter),
            Self::TooLate => formatter.write_str("the head of the answer has been sent already"),
        }
    }
}

/// How far the answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing has been said.
    Nothing,
    /// The head is being written into `out`.
    Head,
    /// The head is with the client, or on its way.
    Body,
    /// All of it is.
    Over,
}

/// One thread's exchange with clients.
pub struct Exchange<A: Application> {
    shared: Arc<Shared<A>>,
    seat: Arc<Seat<A>>,
    hub: Option<Box<Hub<A>>>,
    /// The ticket under which the hub was deposited last.
    ticket: Ticket,
    reader: Reader,
    connection: Option<Box<Connection<A>>>,

    // The request's body.
    /// The rest of the body in the reader's buffer.
    first: std::ops::Range<usize>,
    /// What was read later.
    later: Vec<u8>,
    later_at: std::ops::Range<usize>,
    wants_continue: bool,
    body_failed: Option<BodyError>,

    // The answer.
    stage: Stage,
    out: Vec<u8>,
    status: u16,
    declared_length: Option<u64>,
    has_date: bool,
    has_server: bool,
    app_closes: bool,
    plan: Plan,
    body_sent: u64,
    client_left: bool,
    cut: bool,

    date: Date,
    lines: Lines,
    log: Option<LogFormat>,
    started: u64,

    // For the choice of the mode.
    in_turn: u32,
    turn_began: u64,
    counted: u32,
    switches: u64,
    own_waits: u64,
    app_switches: Option<u64>,
}

impl<A: Application> Exchange<A> {
    pub(crate) fn new(shared: Arc<Shared<A>>) -> Self {
        let log = shared.access_log().map(|(format, _)| format);
        Self {
            seat: Seat::new(),
            hub: None,
            ticket: Ticket::first(system::this_thread()),
            reader: Reader::new(),
            connection: None,
            first: 0..0,
            later: Vec::new(),
            later_at: 0..0,
            wants_continue: false,
            body_failed: None,
            stage: Stage::Nothing,
            out: Vec::with_capacity(COPY_BYTES + 1024),
            status: 0,
            declared_length: None,
            has_date: false,
            has_server: false,
            app_closes: false,
            plan: response::plan(Version::Http11, false, 200, None, Some(0), true),
            body_sent: 0,
            client_left: false,
            cut: false,
            date: Date::new(),
            lines: Lines::default(),
            log,
            started: 0,
            in_turn: 0,
            turn_began: 0,
            counted: 0,
            switches: system::voluntary_switches(),
            own_waits: 0,
            app_switches: None,
            shared,
        }
    }

    // ---- Getting a request ------------------------------------------------------------------

    /// Waits for a request; false means that this thread's work is over. Blocks.
    pub fn wait(&mut self) -> bool {
        self.in_turn = 0;
        loop {
            let mut hub = match self.hub.take() {
                Some(hub) => hub,
                None => {
                    self.write_log();
                    match self.wait_for_token() {
                        Some(hub) => hub,
                        None => return false,
                    }
                }
            };
            loop {
                if let Some(connection) = hub.next_request(&mut self.reader) {
                    self.turn_began = hub.now();
                    self.hub = Some(hub);
                    self.begin(connection);
                    return true;
                }
                if self.shared.scheduler.is_stopping() {
                    self.shared.scheduler.leave();
                    return false;
                }
                self.write_log();
                hub.wait();
                self.own_waits += 1;
            }
        }
    }

    fn wait_for_token(&mut self) -> Option<Box<Hub<A>>> {
        if self.shared.scheduler.queue(&self.seat) {
            self.shared.waker.wake();
        }
        if self.shared.scheduler.is_stopping() {
            self.shared.scheduler.leave();
            return None;
        }
        self.own_waits += 1;
        loop {
            match self.seat.wait(None) {
                Woken::Token(hub) => return Some(hub),
                Woken::Stop => {
                    self.shared.scheduler.leave();
                    return None;
                }
                Woken::Poked | Woken::TimedOut => {}
            }
        }
    }

    /// The next request, if one is there at once and this thread may go on. Never blocks, so that
    /// the interpreter's lock can be kept from one request to the next.
    pub fn next_at_once(&mut self) -> bool {
        let Some(hub) = &mut self.hub else { return false };
        self.in_turn += 1;
        if self.in_turn >= REQUESTS_PER_TURN {
            return false;
        }
        // When only one connection had news, nothing else will have come meanwhile: waiting at once
        // saves a system call.
        if !hub.has_news() && (self.in_turn == 1 || !hub.poll()) {
            return false;
        }
        if hub.now() > self.turn_began + crate::engine::TURN {
            return false;
        }
        match hub.next_request(&mut self.reader) {
            Some(connection) => {
                self.begin(connection);
                true
            }
            None => false,
        }
    }

    fn begin(&mut self, connection: Box<Connection<A>>) {
        self.connection = Some(connection);
        let head = &self.reader.head;
        self.first = head.len..self.reader.filled;
        self.later_at = 0..0;
        self.wants_continue = head.expect_continue;
        self.body_failed = None;
        self.stage = Stage::Nothing;
        self.status = 0;
        self.body_sent = 0;
        self.client_left = false;
        self.cut = false;
        self.reset_head();
        if self.log.is_some() {
            self.started = clock::now_microseconds();
        }
    }

    /// Lets others have the token while the application runs, or at once. Call it with the
    /// interpreter's lock held, right before the application.
    pub fn release(&mut self) {
        let Some(hub) = self.hub.take() else { return };
        match self.shared.scheduler.mode() {
            Mode::Late => {
                self.ticket = self.ticket.next();
                self.shared.scheduler.deposited.deposit(self.ticket, hub);
                if self.shared.scheduler.monitor_sleeps.load(SeqCst) {
                    self.shared.scheduler.monitor.poke();
                }
            }
            Mode::Early => {
                self.shared.pass_on(hub);
                if self.counted % EARLY_SAMPLE == 0 {
                    self.app_switches = Some(system::voluntary_switches());
                }
            }
        }
    }

    /// Before this thread blocks by itself: the token goes to somebody who can use it.
    fn give_token_away(&mut self) {
        let hub = self.hub.take().or_else(|| self.shared.scheduler.deposited.take(self.ticket));
        if let Some(hub) = hub {
            self.shared.pass_on(hub);
        }
    }

    // ---- The request ------------------------------------------------------------------------

    /// The parsed head; its spans are in [`Exchange::bytes`].
    pub fn head(&self) -> &Head {
        &self.reader.head
    }

    /// The bytes of a part of the head.
    pub fn bytes(&self, span: Span) -> &[u8] {
        span.of(&self.reader.buffer)
    }

    /// The number of the listener that the connection came in on.
    pub fn listener(&self) -> usize {
        self.open().listener
    }

    /// Who sent the request.
    pub fn peer(&self) -> Peer {
        match self.open().peer.as_ref().map(|peer| SocketAddr::try_from(peer.clone())) {
            Some(Ok(address)) => Peer::Tcp(address),
            _ => Peer::Unix,
        }
    }

    /// What the application keeps with this connection.
    pub fn kept(&mut self) -> &mut Option<A::Kept> {
        &mut self.open_mut().kept
    }

    /// What the application keeps, and the buffer of the head beside it.
    pub fn kept_and_head(&self) -> (Option<&A::Kept>, &Head, &[u8]) {
        (self.open().kept.as_ref(), &self.reader.head, &self.reader.buffer)
    }

    fn open(&self) -> &Connection<A> {
        self.connection.as_ref().expect("a request runs from `begin` to `finish`")
    }

    fn open_mut(&mut self) -> &mut Connection<A> {
        self.connection.as_mut().expect("a request runs from `begin` to `finish`")
    }

    /// Whether a request runs now.
    pub fn is_running(&self) -> bool {
        self.connection.is_some()
    }

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
                    let step = self
                        .reader
                        .body
                        .step(&available[..end], &self.shared.config.limits);
                    debug_assert_eq!(step, Ok(Step::Data { start, end }));
                    let range = at.start + start..at.start + end;
                    at.start += end;
                    let buffer =
                        if from_first { &self.reader.buffer } else { &self.later };
                    return Ok(BodyBytes::Some(&buffer[range]));
                }
                Step::Data { start, end } => {
                    self.reader.body = ahead;
                    let range = at.start + start..at.start + end;
                    at.start += end;
                    let buffer =
                        if from_first { &self.reader.buffer } else { &self.later };
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
        if std::mem::take(&mut self.wants_continue) && self.stage == Stage::Nothing {
            self.open_mut().output.push_copy(b"HTTP/1.1 100 Continue\r\n\r\n");
            if self.push_out() == Sent::ClientLeft {
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
                    // What follows may have come with an event that was noted before this read.
                    self.reader.more_may_wait = true;
                    self.later_at = 0..received;
                    return Ok(());
                }
                Err(Errno::AGAIN) if waited => {
                    return Err(self.fail_body(BodyError::Stalled));
                }
                Err(Errno::AGAIN) => {
                    self.give_token_away();
                    waited = !self.wait_for_socket(PollFlags::IN, self.shared.config.body_timeout);
                }
                Err(_) => return Err(self.fail_body(BodyError::ClientLeft)),
            }
        }
    }

    fn fail_body(&mut self, error: BodyError) -> BodyError {
        self.body_failed = Some(error);
        error
    }

    /// Waits for the socket; false when the time is over.
    fn wait_for_socket(&self, flags: PollFlags, timeout: Duration) -> bool {
        let timeout = Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let mut polled = [PollFd::new(&self.open().socket, flags)];
        loop {
            match rustix::event::poll(&mut polled, Some(&timeout)) {
                Err(Errno::INTR) => {}
                Ok(0) => return false,
                // Whatever is wrong with the socket, the next call on it will tell.
                _ => return true,
            }
        }
    }

    // ---- The answer -------------------------------------------------------------------------

    /// Whether the head has been handed to the client and can not be changed any more.
    pub fn head_is_sent(&self) -> bool {
        matches!(self.stage, Stage::Body | Stage::Over)
    }

    /// Whether the application has given a head.
    pub fn has_head(&self) -> bool {
        self.stage != Stage::Nothing
    }

    fn reset_head(&mut self) {
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
            Noted::ContentLength(length) => self.declared_length = Some(length),
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
    fn end_head(&mut self, known_length: Option<u64>) {
        let head = &self.reader.head;
        let connection = self.connection.as_ref().expect("a request is running");
        // A body that cannot be read to its end leaves the connection without a beginning for
        // the next request.
        let can_go_on = head.keep_alive
            && !self.app_closes
            && self.body_failed.is_none()
            && !self.shared.is_draining()
            && !self.shared.config.keep_alive.is_zero()
            && !(connection.peer_closed && self.reader.filled == head.len)
            && self.rest_can_be_discarded();
        let is_head = head.method.of(&self.reader.buffer) == b"HEAD";
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
        response::finish_head(
            &mut self.out,
            &self.plan,
            head.version,
            date,
            server,
        );
        self.stage = Stage::Body;
    }

    fn rest_can_be_discarded(&self) -> bool {
        if self.wants_continue {
            // The client was never told to send the body, and may or may not do so now.
            return self.reader.body.is_done();
        }
        self.reader.body.known_rest().is_none_or(|rest| rest <= DISCARD_BYTES)
    }

    /// Sends the whole body, with the head if that is still here: the common case, one system call.
    /// `share` gives the bytes without a copy, for those the client does not take at once.
    pub fn send_whole(&mut self, body: &[u8], share: impl FnOnce() -> A::Bytes) -> Sent {
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
        if self.stage == Stage::Head {
            self.end_head(length);
        }
        self.send_part(body, share)
    }

    fn send_part(&mut self, body: &[u8], share: impl FnOnce() -> A::Bytes) -> Sent {
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
            return self.push_out();
        }
        self.push_large(body, tail, share)
    }

    /// The part of some bytes that the declared length has room for (RFC 9112 section 6.3: what is
    /// beyond it would be read as the next answer).
    fn allowed<'b>(&mut self, body: &'b [u8]) -> &'b [u8] {
        let Framing::Length(length) = self.plan.framing else { return body };
        let room = length.saturating_sub(self.body_sent);
        if (body.len() as u64) <= room {
            return body;
        }
        self.cut = true;
        &body[..room as usize]
    }

    /// Sends `out` and then a large body, copying nothing that the kernel takes now.
    fn push_large(
        &mut self,
        body: &[u8],
        tail: &[u8],
        share: impl FnOnce() -> A::Bytes,
    ) -> Sent {
        if self.client_left {
            self.out.clear();
            return Sent::ClientLeft;
        }
        let Some(connection) = &mut self.connection else { return Sent::ClientLeft };
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
        self.shared.stats.bytes_sent.fetch_add((head + body.len() + tail.len()) as u64, Relaxed);
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
    fn push_out(&mut self) -> Sent {
        if self.client_left {
            self.out.clear();
            return Sent::ClientLeft;
        }
        let Some(connection) = &mut self.connection else { return Sent::ClientLeft };
        self.shared.stats.bytes_sent.fetch_add(self.out.len() as u64, Relaxed);
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

    fn room(&self) -> Sent {
        let output = &self.open().output;
        if output.owned_bytes() > BACKLOG_BYTES || output.pieces() > BACKLOG_PIECES {
            Sent::Full
        } else {
            Sent::Ok
        }
    }

    fn lose_client(&mut self) -> Sent {
        self.out.clear();
        self.client_left = true;
        count(&self.shared.stats.answers_cut);
        Sent::ClientLeft
    }

    /// Waits until the client has taken what is queued. Blocks.
    pub fn wait_for_room(&mut self) -> Sent {
        loop {
            if self.client_left {
                return Sent::ClientLeft;
            }
            let Some(connection) = &mut self.connection else { return Sent::ClientLeft };
            match connection.output.flush(&connection.socket) {
                Flushed::All => return Sent::Ok,
                Flushed::Yielded => {}
                Flushed::Broken => return self.lose_client(),
                Flushed::Blocked(_) => {
                    self.give_token_away();
                    if !self.wait_for_socket(PollFlags::OUT, self.shared.config.write_timeout) {
                        return self.lose_client();
                    }
                }
            }
        }
    }

    /// Sends a part of a file as the whole body; the engine reads it after the application is done.
    pub fn send_file(&mut self, file: OwnedFd, offset: u64, length: u64) -> Sent {
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
        self.body_sent += length;
        self.shared.stats.bytes_sent.fetch_add(length, Relaxed);
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

    /// Ends the body. What was promised and not sent cannot be made good: the connection ends.
    pub fn end_body(&mut self) {
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
        self.push_out();
    }

    /// Whether the body was longer or shorter than its Content-Length said.
    pub fn length_was_wrong(&self) -> bool {
        self.cut
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
        }
    }

    /// Whether the request body could not be read, which is the client's doing.
    pub fn body_failed(&self) -> bool {
        self.body_failed.is_some()
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
            Some(BodyError::Stalled | BodyError::ClientLeft) => error::BODY_TIMEOUT,
        };
        self.status = rejection.status;
        let is_head = self.reader.head.method.of(&self.reader.buffer) == b"HEAD";
        response::write_rejection(
            &mut self.out,
            &rejection,
            self.date.text(),
            &self.shared.config.server,
            is_head,
        );
        self.push_out();
    }

    /// Counts a panic that was caught around the application.
    pub fn note_panic(&self) {
        count(&self.shared.stats.panics);
    }

    /// The connection's socket, for an application that takes the connection over.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.open().socket.as_fd()
    }

    /// Bytes that came after the head of a request that asks for an upgrade, which belong to
    /// whoever takes the connection over.
    pub fn after_head(&self) -> &[u8] {
        &self.reader.buffer[self.first.clone()]
    }

    /// Lets go of a connection that the application has taken over through [`Exchange::socket`].
    pub fn let_go(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.status = 101;
        // A second descriptor of the same socket would keep the registration alive.
        self.shared.waker.forget(&connection.socket);
        self.log_request(&connection);
        let key = connection.key;
        drop(connection);
        self.take_token_back();
        match &mut self.hub {
            Some(hub) => hub.forget(key),
            None => self.bring_back(Returned::Closed(key)),
        }
        self.end_of_request();
    }

    // ---- The end ----------------------------------------------------------------------------

    /// Ends the request: gives the connection back, and takes the token back if it still lies there.
    pub fn finish(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        self.log_request(&connection);
        let is_gone = self.client_left;
        if !is_gone {
            self.what_comes_next(&mut connection);
        }
        self.take_token_back();
        let key = connection.key;
        // Nothing to send and nothing to wait for: the end.
        let ends = is_gone
            || matches!(connection.phase, Phase::Flush(After::Close)) && connection.output.is_empty();
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
                    let timeout = self.shared.config.keep_alive.as_millis() as u64;
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
    fn what_comes_next(&mut self, connection: &mut Connection<A>) {
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

    fn take_token_back(&mut self) {
        if self.hub.is_none() {
            self.hub = self.shared.scheduler.deposited.take(self.ticket);
        }
    }

    /// The thread gives the connection back first and looks for marks afterwards: see [`Lent`].
    fn bring_back(&self, returned: Returned<A>) {
        let (lent, needs_care) = match &returned {
            Returned::Closed(_) => (None, self.shared.is_draining()),
            Returned::Open(connection) => (
                Some(Arc::clone(&connection.lent)),
                !matches!(connection.phase, Phase::Idle)
                    || !connection.input.is_empty()
                    || self.shared.is_draining(),
            ),
        };
        self.shared.scheduler.bring_back(returned);
        if needs_care || lent.is_some_and(|lent| lent.peek() != 0) {
            self.shared.wake_poller();
        }
    }

    fn end_of_request(&mut self) {
        count(&self.shared.stats.requests);
        if !self.later.is_empty() && self.later.capacity() > BODY_READ_BYTES {
            self.later = Vec::new();
        }
        self.counted = self.counted.wrapping_add(1);
        let changed = match self.app_switches.take() {
            Some(before) => {
                let blocked = u32::from(system::voluntary_switches() > before);
                self.shared.scheduler.observe(1, blocked)
            }
            None if self.counted % REQUESTS_PER_TURN == 0 => self.observe_late(),
            None => false,
        };
        if changed {
            count(&self.shared.stats.mode_changes);
        }
        if self.lines.is_full() {
            self.write_log();
        }
    }

    /// In the late mode one look at the counter of sleeps serves for many requests.
    fn observe_late(&mut self) -> bool {
        let switches = system::voluntary_switches();
        let slept = (switches - self.switches).saturating_sub(self.own_waits);
        self.switches = switches;
        self.own_waits = 0;
        if self.shared.scheduler.mode() == Mode::Early {
            return false;
        }
        let blocked = u32::try_from(slept).unwrap_or(u32::MAX).min(REQUESTS_PER_TURN);
        self.shared.scheduler.observe(REQUESTS_PER_TURN, blocked)
    }

    fn log_request(&mut self, connection: &Connection<A>) {
        let Some(format) = self.log else { return };
        let head = &self.reader.head;
        let buffer = &self.reader.buffer;
        let protocol = match head.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        };
        let entry = Entry {
            address: &PeerAddress(connection.peer.as_ref()),
            unix_seconds: clock::unix_seconds(),
            method: head.method.of(buffer),
            target: head.target.of(buffer),
            protocol,
            status: self.status,
            bytes: self.body_sent,
            referer: head.field(buffer, "referer"),
            user_agent: head.field(buffer, "user-agent"),
            microseconds: clock::now_microseconds().saturating_sub(self.started),
        };
        self.lines.add(format, &entry);
    }

    fn write_log(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        if let Some((_, sink)) = self.shared.access_log() {
            sink.write(&mut self.lines, &self.shared.stats);
        }
    }
}

impl<A: Application> Drop for Exchange<A> {
    fn drop(&mut self) {
        self.write_log();
    }
}

/// A client's address for the log; a Unix socket's peer has none.
pub(crate) struct PeerAddress<'a>(pub(crate) Option<&'a SocketAddrAny>);

impl fmt::Display for PeerAddress<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|peer| SocketAddr::try_from(peer.clone())) {
            Some(Ok(address)) => address.ip().fmt(formatter),
            _ => formatter.write_str("unix"),
        }
    }
}
