//! One request and its answer, as the thread that runs the application sees them.
//!
//! A thread makes one exchange and uses it for all its requests. `wait` and the other methods named
//! `wait_…` block and must be called without the interpreter's lock; nothing else here blocks.

mod answer;
mod body;
mod client;
mod finish;
mod sending;
mod silence;

pub(crate) use client::ClientAddress;
pub use client::Peer;

use std::fmt;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use trivet_http::forwarded::Forwarding;
use trivet_http::proxy_notes::ProxyNotes;
use trivet_http::response::{self, Framing, Invalid, Noted, Plan};
use trivet_http::{Head, Span, Version, error};

use crate::access_log::{self, Entry, Lines, Subject};
use crate::application::Application;
use crate::body::{BodyError, Step};
use crate::clock::{self, Date, Milliseconds, milliseconds};
use crate::connection::{After, Connection, Lent, Phase, reset_when_closed};
use crate::engine::Shared;
use crate::gathering;
use crate::hub::{DISCARD_BYTES, Hub, Reader};
use crate::output::{Flushed, Piece};
use crate::pace::Pace;
use crate::running::Running;
use crate::scheduler::{Mode, Queued, Returned, Seat, Standing, Woken};
use crate::stats::{add, count, take_off};
use crate::system;
use crate::token::{Look, Ticket};

/// Bodies up to this size are copied behind the head and sent with it in one piece.
const COPY_BYTES: usize = 16 * 1024;
/// What a slow client may leave unsent before parts that are made already have to wait for it.
const BACKLOG_BYTES: usize = 64 * 1024;
/// The same, in pieces that are not copied.
const BACKLOG_PIECES: usize = 4;
/// An application that has made two parts of a body within this time will make the next one soon.
const QUICK_PART_MICROSECONDS: u64 = 500;
/// One read of a body takes at most this much.
const BODY_READ_BYTES: usize = 64 * 1024;
/// Requests that run without letting other threads of the interpreter in between.
const REQUESTS_PER_TURN: u32 = 64;
/// And so long at the most, while others wait for the interpreter.
const TURN: Milliseconds = 1;
/// A thread that has had no work for so long ends, and gives its memory back.
const IDLE: Duration = Duration::from_secs(10);
/// In the late mode the count of sleeps is read once for so many requests of a thread.
const LATE_SAMPLE: u32 = 256;
/// In the early mode, one request in so many is looked at for the choice of the mode.
const EARLY_SAMPLE: u32 = 8;

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
    /// Sent; more may follow.
    Ok,
    /// Queued in part. Nobody sends the rest while a thread has the connection, so more that is
    /// here already may follow at once, but before more is made: [`Exchange::wait_for_room`].
    Queued,
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

/// How the token was released before the application was called, with the thread's count of sleeps
/// where it will be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Released {
    /// It lay deposited.
    Late,
    /// Most requests block.
    Early,
    /// The same, and this one is looked at for the choice of the mode.
    Sampled(u64),
    /// This path has blocked before.
    Expected(u64),
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
    /// This request as the watch sees it.
    running: Arc<Running>,
    /// This thread has the word: the watch is silent until it is given back.
    speaks: bool,
    /// The watch has answered, or cut the connection, because the application took too long.
    timed_out: bool,
    /// What a trusted peer says of the request.
    forwarding: Option<Forwarding>,
    /// What it notes beside that, and what the request has waited there in microseconds; only of
    /// meaning where there is a `forwarding`.
    notes: ProxyNotes,
    proxy_queue: Option<u64>,
    /// The id of the request, once somebody has asked for it.
    request_id: Vec<u8>,

    // The request's body.
    /// The rest of the body in the reader's buffer.
    first: std::ops::Range<usize>,
    /// What was read later.
    later: Vec<u8>,
    later_at: std::ops::Range<usize>,
    wants_continue: bool,
    body_failed: Option<BodyError>,
    /// Milliseconds waited for the body, and what came meanwhile, since the rate was last looked at.
    body_waited: Milliseconds,
    body_arrived: u64,

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
    /// When the last part of the body was made, in microseconds; 0 before the first.
    last_part: u64,
    /// This connection's socket has the place in [`Gathering`](crate::gathering::Gathering).
    gathers: bool,
    client_left: bool,
    cut: bool,
    in_conversation: bool,
    has_left: bool,

    date: Date,
    lines: Lines,
    logs: bool,
    /// Heads are looked at before they are sent: for the access log, or to put the id in.
    looks_at_heads: bool,
    /// The values that the access log shows of the answer's fields; empty where it shows none.
    answer_fields: Vec<Option<Vec<u8>>>,
    started: u64,
    /// Of the request that is about to end, in microseconds.
    duration: u64,

    // For the choice of the mode.
    in_turn: u32,
    turn_began: u64,
    counted: u32,
    switches: u64,
    own_waits: u64,
    released: Released,
}

impl<A: Application> Exchange<A> {
    pub(crate) fn new(shared: Arc<Shared<A>>, standing: Standing) -> Self {
        let format = shared.access_log().map(|(format, _)| format);
        let answer_fields = format.map_or_else(Vec::new, |it| vec![None; it.answer_fields().len()]);
        Self {
            seat: Seat::new(standing),
            hub: None,
            ticket: Ticket::first(system::this_thread()),
            reader: Reader::new(),
            connection: None,
            running: shared.overdue.join(),
            speaks: false,
            timed_out: false,
            forwarding: None,
            notes: ProxyNotes::default(),
            proxy_queue: None,
            request_id: Vec::new(),
            first: 0..0,
            later: Vec::new(),
            later_at: 0..0,
            wants_continue: false,
            body_failed: None,
            body_waited: 0,
            body_arrived: 0,
            stage: Stage::Nothing,
            out: Vec::with_capacity(COPY_BYTES + 1024),
            status: 0,
            declared_length: None,
            has_date: false,
            has_server: false,
            app_closes: false,
            plan: response::plan(Version::Http11, false, 200, None, Some(0), true),
            body_sent: 0,
            last_part: 0,
            gathers: false,
            client_left: false,
            cut: false,
            in_conversation: false,
            has_left: false,
            date: Date::new(),
            lines: Lines::default(),
            logs: shared.access_log().is_some(),
            looks_at_heads: !answer_fields.is_empty() || !shared.config.request_id.is_empty(),
            answer_fields,
            started: 0,
            duration: 0,
            in_turn: 0,
            turn_began: 0,
            counted: 0,
            switches: system::voluntary_switches(),
            own_waits: 0,
            released: Released::Early,
            shared,
        }
    }

    /// Waits for a request; false means that this thread's work is over. Blocks.
    pub fn wait(&mut self) -> bool {
        self.in_turn = 0;
        let hub = self.hub.take().or_else(|| {
            self.write_log();
            self.wait_for_token()
        });
        let Some(mut hub) = hub else { return false };
        let mut just_polled = false;
        if hub.has_news() {
            // Once in every turn, or a client that always has its next request here would be alone.
            hub.poll();
            just_polled = true;
        }
        loop {
            if self.shared.scheduler.is_stopping() {
                self.leave();
                return false;
            }
            if let Some(connection) = hub.next_request(&mut self.reader) {
                self.turn_began = hub.now();
                let polled = hub.polled();
                self.hub = Some(hub);
                self.begin(connection, polled, just_polled);
                return true;
            }
            hub.wait();
            if hub.ends_extra_threads() && self.seat.standing() == Standing::Extra {
                self.hub = Some(hub); // passed on when this thread ends
                return false;
            }
            just_polled = true;
            self.own_waits += 1;
        }
    }

    /// Takes note of how long this thread has waited for the interpreter, with a request in hand.
    pub fn note_interpreter_wait(&self, wait: Duration) {
        let microseconds = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        add(&self.shared.stats.interpreter_wait_microseconds, microseconds);
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true) {
            self.shared.scheduler.leave(self.seat.standing());
            take_off(&self.shared.stats.threads);
        }
    }

    fn wait_for_token(&mut self) -> Option<Box<Hub<A>>> {
        match self.shared.scheduler.queue(&self.seat) {
            Queued::Waiting => {}
            Queued::TellMonitor => self.shared.waker.wake(),
            Queued::Surplus => {
                self.leave();
                return None;
            }
        }
        if self.shared.scheduler.is_stopping() {
            self.leave();
            return None;
        }
        self.own_waits += 1;
        let mut patience = Some(IDLE);
        loop {
            match self.seat.wait(patience) {
                Woken::Token(hub) => return Some(hub),
                Woken::Stop => break,
                Woken::TimedOut if self.shared.scheduler.retire(&self.seat) => break,
                // It is one of the few that stay: an idle server uses no CPU.
                Woken::TimedOut => {
                    patience = None;
                    self.later = Vec::new();
                    self.reader.forget();
                }
                Woken::Poked => {}
            }
        }
        self.leave();
        None
    }

    /// The next request, if one is there at once and this thread may go on. Never blocks, so that
    /// the interpreter's lock can be kept from one request to the next.
    pub fn next_at_once(&mut self) -> bool {
        let Some(hub) = &mut self.hub else {
            return false;
        };
        self.in_turn += 1;
        if self.in_turn >= REQUESTS_PER_TURN {
            return false;
        }
        // When only one connection had news, nothing else will have come meanwhile: waiting at once
        // saves a system call.
        let just_polled = !hub.has_news();
        if just_polled && (self.in_turn == 1 || !hub.poll()) {
            return false;
        }
        if hub.now() > self.turn_began + TURN {
            return false;
        }
        match hub.next_request(&mut self.reader) {
            Some(connection) => {
                let polled = hub.polled();
                self.begin(connection, polled, just_polled);
                true
            }
            None => false,
        }
    }

    /// `polled` is when the hub was, and `just_polled` that this thread has just done it: then the
    /// clock needs no second look.
    fn begin(&mut self, mut connection: Box<Connection<A>>, polled: u64, just_polled: bool) {
        self.started = if just_polled { polled } else { clock::now_microseconds() };
        let here_since = match std::mem::take(&mut connection.waits_since) {
            0 => polled,
            since => since,
        };
        self.shared.stats.note_queue_time(self.started.saturating_sub(here_since));
        connection.requests += 1;
        self.forwarding = None;
        if connection.is_trusted {
            self.read_forwarding(here_since);
        }
        let head = &self.reader.head;
        let now = self.hub.as_ref().map_or_else(clock::now, |hub| hub.now());
        let buffer = &self.reader.buffer;
        let told = self.forwarding.as_ref().and(self.notes.request_id).map(|id| id.of(buffer));
        self.running.begin(now, &connection.socket, head, buffer, told);
        self.request_id.clear();
        self.shared.overdue.wake();
        self.speaks = false;
        self.timed_out = false;
        self.connection = Some(connection);
        count(&self.shared.stats.requests_begun);
        self.first = head.len..self.reader.filled;
        self.later_at = 0..0;
        self.wants_continue = head.expect_continue;
        self.body_failed = None;
        self.body_waited = 0;
        self.body_arrived = 0;
        self.stage = Stage::Nothing;
        self.status = 0;
        self.body_sent = 0;
        self.last_part = 0;
        self.client_left = false;
        self.cut = false;
        self.released = Released::Early;
        self.reset_head();
    }

    /// Lets others have the token while the application runs, or at once. Call it with the
    /// interpreter's lock held, right before the application.
    pub fn release(&mut self) {
        let Some(hub) = self.hub.take() else { return };
        let scheduler = &self.shared.scheduler;
        let path = self.reader.head.path.of(&self.reader.buffer);
        if !scheduler.has_one_thread() && scheduler.predictions.expects_blocking(path) {
            self.released = Released::Expected(system::voluntary_switches());
            self.shared.pass_on(hub);
        } else if scheduler.mode() == Mode::Late {
            self.released = Released::Late;
            self.ticket = self.ticket.next();
            scheduler.deposited.deposit(self.ticket, hub);
            if scheduler.monitor_sleeps.load(SeqCst) {
                scheduler.monitor.poke();
            }
        } else {
            self.released = if self.counted.is_multiple_of(EARLY_SAMPLE) {
                Released::Sampled(system::voluntary_switches())
            } else {
                Released::Early
            };
            self.shared.pass_on(hub);
        }
    }

    /// Before this thread blocks by itself: the token goes to somebody who can use it.
    fn give_token_away(&mut self) {
        let hub = self.hub.take().or_else(|| self.shared.scheduler.deposited.take(self.ticket));
        // The client is slow, not the application: nothing to learn about the path.
        self.released = Released::Early;
        if let Some(hub) = hub {
            self.shared.pass_on(hub);
        }
    }

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

    /// Waits for the client, without the token and without a place among the threads; false when
    /// the time is over.
    fn wait_for_client(&mut self, flags: PollFlags, timeout: Duration) -> bool {
        self.give_token_away();
        let scheduler = &self.shared.scheduler;
        self.shared.want_threads(scheduler.client_wait_begins());
        count(&self.shared.stats.threads_on_clients);
        let came = self.wait_for_socket(flags, timeout);
        scheduler.client_wait_ends();
        take_off(&self.shared.stats.threads_on_clients);
        came
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
}

impl<A: Application> Drop for Exchange<A> {
    /// A thread that ends in the middle of a request takes neither the token nor the place of its
    /// connection with it.
    fn drop(&mut self) {
        // Before the connection goes, which the watch may be looking at.
        self.running.claim.close();
        self.shared.overdue.leave(&self.running);
        self.end_gathering();
        if let Some(connection) = self.connection.take() {
            let key = connection.key;
            drop(connection);
            self.bring_back(Returned::Closed(key));
        }
        self.give_token_away();
        self.leave();
        self.write_log();
    }
}
