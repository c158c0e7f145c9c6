//! Polling, accepting, reading and parsing: all that happens to a connection while no request of it runs.
//!
//! There is one hub, and it is the token: whoever owns the box owns every connection that is not out
//! with a thread. Here are the polling and the phases of a connection; what happens in each phase
//! is in the modules below.

mod accepting;
mod deadlines;
mod ending;
mod hand_over;
mod health;
mod proxy_header;
mod queue;
mod reading;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use trivet_http::{Body, Head, Progress, Rejection, error, response};

use crate::access_log::{self, Lines};
use crate::application::Application;
use crate::body::{BodyReader, Step};
use crate::clock::{self, Date, Milliseconds, milliseconds};
use crate::config::Listener;
use crate::connection::{After, BodyAhead, Connection, Key, Lent, Phase, send_without_delay};
use crate::engine::{Shared, orders};
use crate::output::{Flushed, Piece};
use crate::pace::Pace;
use crate::scheduler::Returned;
use crate::slab::{Found, Slab};
use crate::stats::{add, count, take_off};
use crate::system::{self, Poller, Ready};

/// One read takes at most this much.
const READ_BYTES: usize = 64 * 1024;
/// A body is read ahead of the application up to this size.
const READ_AHEAD_BYTES: usize = 32 * 1024;
/// A body that does not come to its end in this time may be meant to be read as it comes: the
/// application is called, as long as there are threads enough that slow clients cannot take all.
const READ_AHEAD: Milliseconds = 1_000;
/// An unread body is thrown away up to this size to save the connection, above it is closed.
pub(crate) const DISCARD_BYTES: u64 = 256 * 1024;
/// After the end of a connection the client may go on sending for so long in all, and be silent
/// for so long: a client that is still sending its request must come to see the answer.
const LINGER: Milliseconds = 30_000;
const LINGER_SILENCE: Milliseconds = 5_000;
/// A connection that was used so shortly before a graceful stop probably has its next request on
/// the way: closing it would lose that request.
const DRAIN_GRACE: Milliseconds = 1_000;
/// So many connections at once are a crowd. When three quarters of it are gone, what it needed is
/// given back, after the time in which its threads end, too. Measured with 10,000 hostile clients:
/// docs/reference/limits.md.
const CROWD: usize = 256;
const TIDY_AFTER: Milliseconds = 15_000;
/// Between the steps of that: for the last threads to end.
const TIDY_STEP: Milliseconds = 2_000;
/// Deadlines are looked at this often.
const SWEEP: Milliseconds = 1_000;
/// The part of its time that a head has before it must come at the least rate: a phone that loses
/// its second packet sends nothing for seconds, and must not be refused for that.
const HEAD_GRACE_SHARE: Milliseconds = 3;
/// A worker that is full takes a connection that no other worker has taken for so long.
const OVERFLOW: Milliseconds = 10;
/// And so many of them at once: the first time, so many times more whenever that was not all, and at
/// most. Where two workers are full, 2,000 connections are in within four looks.
const OVERFLOW_ACCEPTS: usize = 16;
const OVERFLOW_GROWTH: usize = 4;
const MOST_OVERFLOW_ACCEPTS: usize = 1_024;

/// One thread's buffer and the request that was read into it.
pub(crate) struct Reader {
    pub(crate) buffer: Vec<u8>,
    pub(crate) filled: usize,
    pub(crate) head: Head,
    pub(crate) body: BodyReader,
    /// The socket may hold more than was read.
    pub(crate) more_may_wait: bool,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; READ_BYTES],
            filled: 0,
            head: Head::default(),
            body: BodyReader::default(),
            more_may_wait: false,
        }
    }

    /// Gives back what a long request has needed.
    pub(crate) fn forget(&mut self) {
        self.buffer = vec![0; READ_BYTES];
        self.head = Head::default();
    }

    /// Takes bytes that have been gathered on the connection as if they had just been read.
    fn load(&mut self, bytes: &[u8]) {
        if self.buffer.len() < bytes.len() {
            self.buffer.resize(bytes.len(), 0);
        }
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
    }
}

pub(crate) struct Hub<A: Application> {
    shared: Arc<Shared<A>>,
    poller: Poller,
    /// None after the beginning of a graceful stop or a hand-over.
    listeners: Vec<Listener>,
    slab: Slab<A>,
    /// Connections with news, in the order of the news; not read yet.
    ready: VecDeque<(Key, bool)>,
    /// Connections with a complete request and no thread for it yet.
    complete: VecDeque<Key>,
    accepting: bool,
    /// Accepting has failed (no file descriptors) and is tried again at the next sweep.
    accept_paused: bool,
    /// The orders that are being followed; see [`orders`].
    obeyed: u8,
    /// That was because there are as many connections as there may be.
    at_limit: bool,
    /// When the main thread was told last that connections had to wait or to go.
    told_scarce: Milliseconds,
    /// When a worker that is full has looked for connections that nobody takes.
    looked_for_overflow: Milliseconds,
    /// How many it takes at the next look.
    overflow_accepts: usize,
    /// The most connections since memory was given back last.
    peak: usize,
    tidy: Tidy,
    /// See [`Hub::ends_extra_threads`].
    ends_extra_threads: bool,
    now: Milliseconds,
    /// The time of the last poll in microseconds, on the clock of the access log.
    polled: u64,
    /// When deadlines were looked at last.
    last_sweep: Milliseconds,
    /// No deadline is earlier than this.
    earliest: Milliseconds,
    date: Date,
    /// Lines of the access log; here, because whoever holds the hub next writes them in time even
    /// when the thread that added them is blocked in its next request.
    lines: Lines,
}

/// How far memory has been given back after a crowd.
#[derive(Clone, Copy, Default)]
struct Tidy {
    /// When the next step is due; zero: no crowd has gone.
    at: Milliseconds,
    step: TidyStep,
    /// Connections that there were when it was noticed.
    left: usize,
}

/// In this order: what the threads have needed is given back, too.
#[derive(Clone, Copy, Default)]
enum TidyStep {
    #[default]
    Threads,
    Memory,
}

/// Where a step of a connection has led.
enum Way<A: Application> {
    /// Its request is complete.
    Run(Box<Connection<A>>),
    /// It waits for something, or is gone.
    Done,
}

/// What became of a body that nobody reads.
enum Discarded {
    All,
    NotYet,
    TooMuch,
    Broken,
}

impl<A: Application> Hub<A> {
    /// Keys with this generation are listeners.
    const LISTENER: u32 = u32::MAX;

    pub(crate) fn new(
        shared: Arc<Shared<A>>,
        poller: Poller,
        listeners: Vec<Listener>,
    ) -> io::Result<Self> {
        for listener in &listeners {
            rustix::io::ioctl_fionbio(&listener.socket, true)?;
            if !listener.is_unix {
                // Accepted sockets inherit it, which saves a system call for each.
                send_without_delay(&listener.socket);
            }
        }
        let now = clock::now();
        let mut hub = Self {
            shared,
            poller,
            listeners,
            slab: Slab::new(),
            ready: VecDeque::new(),
            complete: VecDeque::new(),
            accepting: false,
            accept_paused: false,
            obeyed: 0,
            at_limit: false,
            told_scarce: 0,
            looked_for_overflow: 0,
            overflow_accepts: OVERFLOW_ACCEPTS,
            peak: 0,
            tidy: Tidy::default(),
            ends_extra_threads: false,
            now,
            polled: clock::now_microseconds(),
            last_sweep: now,
            earliest: Milliseconds::MAX,
            date: Date::new(),
            lines: Lines::default(),
        };
        hub.accept_again()?;
        Ok(hub)
    }

    /// Whether the application thread that holds the hub should pass it on and end, after a crowd,
    /// unless it is one that stays.
    pub(crate) fn ends_extra_threads(&mut self) -> bool {
        std::mem::take(&mut self.ends_extra_threads)
    }

    /// Milliseconds of the last poll; good enough for deadlines.
    pub(crate) fn now(&self) -> Milliseconds {
        self.now
    }

    /// Microseconds of the last poll: whatever is read now may have been here since then.
    pub(crate) fn polled(&self) -> u64 {
        self.polled
    }

    /// The next complete request among what the last polls brought. Never waits.
    pub(crate) fn next_request(&mut self, reader: &mut Reader) -> Option<Box<Connection<A>>> {
        self.next_complete(reader).or_else(|| self.next_news(reader))
    }

    /// A request that was gathered while there was no thread for it.
    fn next_complete(&mut self, reader: &mut Reader) -> Option<Box<Connection<A>>> {
        while let Some(key) = self.complete.pop_front() {
            if let Found::Here(mut connection) = self.slab.take(key) {
                if !matches!(connection.phase, Phase::Ready) {
                    drop(self.keep(connection)); // it has been answered while it waited
                    continue;
                }
                if self.has_left(&connection) {
                    count(&self.shared.stats.requests_abandoned);
                    drop(self.close(connection));
                    continue;
                }
                connection.deadline = 0;
                let input = std::mem::take(&mut connection.input);
                reader.load(&input);
                if let Way::Run(connection) = self.parse_loaded(connection, reader) {
                    return Some(connection);
                }
            }
        }
        None
    }

    fn next_news(&mut self, reader: &mut Reader) -> Option<Box<Connection<A>>> {
        // One round only: what is put back meanwhile has its turn after the next poll, or a client
        // that never stops sending would keep all others out.
        for _ in 0..self.ready.len() {
            let Some((key, closed)) = self.ready.pop_front() else { break };
            match self.slab.take(key) {
                Found::Gone => {}
                Found::Out(lent) => {
                    lent.note(if closed { Lent::EVENT | Lent::PEER_CLOSED } else { Lent::EVENT });
                    if self.shared.scheduler.has_returned() {
                        self.take_returned();
                    }
                }
                Found::Here(mut connection) => {
                    connection.peer_closed |= closed;
                    if let Way::Run(connection) = self.advance_safely(connection, reader) {
                        return Some(connection);
                    }
                }
            }
        }
        None
    }

    /// For the monitor, which cannot run applications: reads what there is and keeps it.
    pub(crate) fn gather(&mut self, reader: &mut Reader) {
        while let Some(mut connection) = self.next_news(reader) {
            if self.complete.len() >= self.shared.config.queue {
                count(&self.shared.stats.requests_turned_away);
                drop(self.reject_read(connection, reader, &error::OVERLOADED));
                continue;
            }
            connection.input = reader.buffer[..reader.filled].to_vec();
            if reader.more_may_wait {
                connection.lent.note(Lent::EVENT);
            }
            self.queue_up(connection);
        }
        if self.is_full() {
            self.stop_accepting();
        }
    }

    /// Whether new connections are better left to another process, or to the successor of this one.
    fn is_full(&self) -> bool {
        self.is_crowded() || self.shared.is_deaf(self.now)
    }

    fn is_crowded(&self) -> bool {
        let config = &self.shared.config;
        config.shares_listeners && self.complete.len() >= config.threads
    }

    /// Whether connections that no other process has taken are taken here after all. While the
    /// process is deaf they wait for its successor, which can run applications.
    fn takes_overflow(&self) -> bool {
        self.is_crowded() && !self.shared.is_deaf(self.now)
    }

    /// Polls without waiting; true if there is news.
    pub(crate) fn poll(&mut self) -> bool {
        self.poll_for(Some(Duration::ZERO));
        !self.ready.is_empty() || !self.complete.is_empty()
    }

    /// Whether earlier polls have left something to do.
    pub(crate) fn has_news(&self) -> bool {
        !self.ready.is_empty() || !self.complete.is_empty()
    }

    /// Where the holder adds its lines of the access log.
    pub(crate) fn lines(&mut self) -> &mut Lines {
        &mut self.lines
    }

    pub(crate) fn write_log(&mut self) {
        if let Some((_, sink)) = self.shared.access_log()
            && !self.lines.is_empty()
        {
            sink.write(&mut self.lines, &self.shared.stats);
        }
    }

    /// Waits for news, a wake-up or the next deadline.
    pub(crate) fn wait(&mut self) {
        self.wait_unless(self.has_news());
    }

    /// The same for the monitor, which can do nothing for complete requests but wait for a thread.
    pub(crate) fn wait_for_a_thread(&mut self) {
        self.wait_unless(!self.ready.is_empty());
        // No application thread holds it.
        self.ends_extra_threads = false;
    }

    fn wait_unless(&mut self, has_news: bool) {
        self.write_log();
        let scheduler = &self.shared.scheduler;
        scheduler.polling.store(true, Ordering::SeqCst);
        let must_not_wait =
            has_news || scheduler.has_returned() || self.shared.has_orders(self.obeyed);
        let timeout = if must_not_wait { Some(Duration::ZERO) } else { self.time_to_sweep() };
        self.poll_for(timeout);
        self.shared.scheduler.polling.store(false, Ordering::Relaxed);
    }

    fn poll_for(&mut self, timeout: Option<Duration>) {
        if !self.accepting && self.obeyed == 0 && !self.is_full() {
            // If it fails it is tried again before the next poll.
            let _ = self.accept_again();
        }
        let mut listening = [false; 64];
        let ready = &mut self.ready;
        let result = self.poller.wait(timeout, |Ready { key, closed }| {
            let key = Key::from_u64(key);
            if key.generation == Self::LISTENER {
                listening[key.index as usize % 64] = true;
            } else {
                ready.push_back((key, closed));
            }
        });
        // Only a broken descriptor can fail here, and then nothing can be served any more.
        result.expect("the poller belongs to the hub and is open");
        // One look for both: it costs some hundred instructions. The coarse clock, which threads
        // without the hub read, is at most a tick behind, which no deadline notices.
        self.polled = clock::now_microseconds();
        self.now = self.polled / 1000;
        if self.shared.scheduler.has_returned() {
            self.take_returned();
        }
        for index in 0..self.listeners.len() {
            if listening[index % 64] {
                self.accept(index, self.shared.config.accepts_per_turn);
            }
        }
        if self.takes_overflow() && self.now >= self.looked_for_overflow + OVERFLOW {
            self.accept_overflow();
        }
        if self.shared.has_orders(self.obeyed) {
            self.obey();
        } else if self.is_draining() && !self.listeners.is_empty() && !self.accept_paused {
            self.go_on_draining();
        }
        if self.now >= self.next_sweep()
            || ((self.accept_paused || self.crowd_has_gone())
                && self.now >= self.last_sweep + SWEEP)
        {
            self.sweep();
        }
    }

    #[cold]
    fn obey(&mut self) {
        let orders = self.shared.take_orders(self.obeyed);
        if orders & orders::ADOPT != 0 {
            self.adopt_all();
        }
        if orders & orders::HAND_OVER != 0 {
            self.begin_hand_over();
        }
        if orders & orders::DRAIN != 0 {
            self.begin_draining();
        }
    }

    fn is_draining(&self) -> bool {
        self.obeyed & orders::DRAIN != 0
    }

    /// Takes back the connections that threads without the token have finished with.
    pub(crate) fn take_returned(&mut self) {
        for returned in self.shared.scheduler.take_returned() {
            match returned {
                Returned::Open(connection) => self.put_back(connection),
                Returned::Closed(key) => self.forget(key),
            }
        }
    }

    /// Takes a connection back whose request is over.
    pub(crate) fn put_back(&mut self, mut connection: Box<Connection<A>>) {
        let marks = if connection.lent.peek() == 0 { 0 } else { connection.lent.take() };
        let closed = marks & Lent::PEER_CLOSED != 0;
        connection.peer_closed |= closed;
        let has_more = !connection.input.is_empty()
            || marks != 0
            || matches!(connection.phase, Phase::Flush(_) | Phase::Linger)
            || connection.peer_closed
            || self.obeyed & orders::HAND_OVER != 0;
        if has_more {
            self.ready.push_back((connection.key, connection.peer_closed));
        }
        if self.is_draining() && matches!(connection.phase, Phase::Idle) {
            connection.deadline = connection.deadline.min(self.now + DRAIN_GRACE);
        }
        drop(self.keep(connection));
    }

    pub(crate) fn forget(&mut self, key: Key) {
        self.slab.forget(key);
        take_off(&self.shared.stats.connections_open);
        if self.at_limit || self.obeyed != 0 {
            self.at_limit = false;
            self.accept_paused = false;
        }
        self.tell_if_drained();
    }

    #[allow(clippy::boxed_local, reason = "connections are boxed wherever they are handed on")]
    fn close(&mut self, connection: Box<Connection<A>>) -> Way<A> {
        self.forget(connection.key);
        Way::Done
    }

    fn keep(&mut self, connection: Box<Connection<A>>) -> Way<A> {
        if connection.deadline != 0 {
            self.earliest = self.earliest.min(connection.deadline);
        }
        self.slab.put(connection);
        Way::Done
    }

    /// A bug of ours must cost one connection, not the worker.
    fn advance_safely(&mut self, connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        let key = connection.key;
        let step = AssertUnwindSafe(|| self.advance(connection, reader));
        catch_unwind(step).unwrap_or_else(|_| {
            count(&self.shared.stats.panics);
            self.forget(key);
            Way::Done
        })
    }

    /// Takes a connection as far as it goes without waiting.
    fn advance(&mut self, mut connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        loop {
            if self.obeyed & orders::HAND_OVER != 0 && hand_over::is_unbegun(&connection.phase) {
                return self.give_away(connection);
            }
            match connection.phase {
                Phase::ProxyHeader => match self.read_proxy_header(connection, reader) {
                    Some(named) => connection = named,
                    None => return Way::Done,
                },
                Phase::Idle | Phase::Head => return self.read_head(connection, reader),
                Phase::Body(_) => return self.read_body_ahead(connection, reader),
                Phase::Ready => {
                    self.note_leaving(&mut connection);
                    // What came after the complete request is read when that one is answered.
                    connection.lent.note(Lent::EVENT);
                    return self.keep(connection);
                }
                Phase::Flush(_) => match connection.output.flush(&connection.socket) {
                    Flushed::All => {
                        let Phase::Flush(after) =
                            std::mem::replace(&mut connection.phase, Phase::Idle)
                        else {
                            unreachable!("matched above")
                        };
                        match after {
                            After::Next => self.expect_next(&mut connection),
                            After::Discard(reader) => self.expect_rest(&mut connection, reader),
                            After::Close => return self.close(connection),
                            After::Linger => self.begin_to_linger(&mut connection),
                        }
                    }
                    Flushed::Blocked(_) => {
                        if connection.deadline == 0 {
                            connection.pace = Pace::begin(self.now, connection.taken());
                            connection.deadline =
                                self.now + self.shared.config.write_demand().interval();
                        }
                        // No edge is lost although the watch begins after the refusal, and only
                        // once: epoll_ctl(2) reports at once what is ready when a watch is changed,
                        // and a kernel that answers EAGAIN has noted (SOCK_NOSPACE) that the next
                        // room makes an edge. Only an EAGAIN that the kernel has not given, such
                        // as strace injects, is followed by none; the write deadline ends that.
                        if !connection.watches_writable {
                            connection.watches_writable = true;
                            let key = connection.key.to_u64();
                            if self.poller.watch_writable(&connection.socket, key).is_err() {
                                return self.close(connection);
                            }
                        }
                        return self.keep(connection);
                    }
                    Flushed::Yielded => {
                        connection.deadline = 0;
                        self.ready.push_back((connection.key, false));
                        return self.keep(connection);
                    }
                    Flushed::Broken => {
                        count(&self.shared.stats.answers_cut);
                        return self.close(connection);
                    }
                },
                Phase::Discard(_) => match self.discard_body(&mut connection, reader) {
                    Discarded::All => self.expect_next(&mut connection),
                    Discarded::TooMuch => self.begin_to_linger(&mut connection),
                    Discarded::NotYet => return self.keep(connection),
                    Discarded::Broken => return self.close(connection),
                },
                Phase::Linger => return self.linger(connection, reader),
            }
        }
    }

    pub(crate) fn expect_next(&self, connection: &mut Connection<A>) {
        connection.phase = Phase::Idle;
        connection.is_put_off = false;
        connection.was_served = true;
        connection.since = self.now;
        connection.deadline = self.now + milliseconds(self.shared.config.keep_alive);
        if self.is_draining() {
            connection.deadline = connection.deadline.min(self.now + DRAIN_GRACE);
        }
    }

    fn expect_rest(&self, connection: &mut Connection<A>, reader: Box<BodyReader>) {
        connection.phase = Phase::Discard(reader);
        connection.deadline = self.now + milliseconds(self.shared.config.body_timeout);
    }
}
