//! Polling, accepting, reading and parsing: all that happens to a connection while no request of it runs.
//!
//! There is one hub, and it is the token: whoever owns the box owns every connection that is not out
//! with a thread. It is one mechanism, the life of a connection from accept to close, and so one file.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use trivet_http::{Body, Head, Progress, Rejection, error, response};

use crate::access_log;
use crate::application::Application;
use crate::body::{BodyReader, Step};
use crate::clock::{self, Date, Milliseconds};
use crate::connection::{
    After, BodyAhead, Connection, Key, Lent, Phase, send_without_delay,
};
use crate::engine::Shared;
use crate::output::{Flushed, Piece};
use crate::scheduler::Returned;
use crate::slab::{Found, Slab};
use crate::stats::count;
use crate::system::{self, Poller, Ready};

/// One read takes at most this much.
const READ_BYTES: usize = 64 * 1024;
/// A body is read ahead of the application up to this size.
const READ_AHEAD_BYTES: usize = 32 * 1024;
/// An unread body is thrown away up to this size to save the connection, above it is closed.
pub(crate) const DISCARD_BYTES: u64 = 256 * 1024;
/// How long a client may go on sending after the end of a connection.
const LINGER: Milliseconds = 2_000;
/// A connection that was used so shortly before a graceful stop probably has its next request on
/// the way: closing it would lose that request.
const DRAIN_GRACE: Milliseconds = 1_000;
/// Deadlines are looked at this often.
const SWEEP: Milliseconds = 1_000;

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
    slab: Slab<A>,
    /// Connections with news, in the order of the news; not read yet.
    ready: VecDeque<(Key, bool)>,
    /// Connections with a complete request and no thread for it yet.
    complete: VecDeque<Key>,
    accepting: bool,
    /// Accepting has failed (no file descriptors) and is tried again at the next sweep.
    accept_paused: bool,
    draining: bool,
    now: Milliseconds,
    /// When deadlines were looked at last.
    last_sweep: Milliseconds,
    /// No deadline is earlier than this.
    earliest: Milliseconds,
    date: Date,
}

/// Where a step of a connection has led.
enum Way<A: Application> {
    /// Its request is complete.
    Run(Box<Connection<A>>),
    /// It waits for something, or is gone.
    Done,
}

impl<A: Application> Hub<A> {
    /// Keys with this generation are listeners.
    const LISTENER: u32 = u32::MAX;

    pub(crate) fn new(shared: Arc<Shared<A>>, poller: Poller) -> io::Result<Self> {
        for listener in &shared.listeners {
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
            slab: Slab::new(),
            ready: VecDeque::new(),
            complete: VecDeque::new(),
            accepting: false,
            accept_paused: false,
            draining: false,
            now,
            last_sweep: now,
            earliest: Milliseconds::MAX,
            date: Date::new(),
        };
        hub.accept_again()?;
        Ok(hub)
    }

    /// Milliseconds of the last poll; good enough for deadlines.
    pub(crate) fn now(&self) -> Milliseconds {
        self.now
    }

    /// The next complete request among what the last polls brought. Never waits.
    pub(crate) fn next_request(&mut self, reader: &mut Reader) -> Option<Box<Connection<A>>> {
        self.next_complete(reader).or_else(|| self.next_news(reader))
    }

    /// A request that was gathered while there was no thread for it.
    fn next_complete(&mut self, reader: &mut Reader) -> Option<Box<Connection<A>>> {
        while let Some(key) = self.complete.pop_front() {
            if let Found::Here(mut connection) = self.slab.take(key) {
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
        while let Some((key, closed)) = self.ready.pop_front() {
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
                    if let Way::Run(connection) = self.advance(connection, reader) {
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
            connection.input = reader.buffer[..reader.filled].to_vec();
            if reader.more_may_wait {
                connection.lent.note(Lent::EVENT);
            }
            connection.phase = Phase::Ready;
            connection.deadline = 0;
            self.complete.push_back(connection.key);
            drop(self.keep(connection));
        }
        if self.complete.len() >= self.shared.config.threads {
            self.stop_accepting();
        }
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

    /// Waits for news, a wake-up or the next deadline.
    pub(crate) fn wait(&mut self) {
        let scheduler = &self.shared.scheduler;
        scheduler.polling.store(true, Ordering::SeqCst);
        let must_not_wait = scheduler.has_returned() || self.shared.has_orders(self.draining);
        let timeout = if must_not_wait { Some(Duration::ZERO) } else { self.time_to_sweep() };
        self.poll_for(timeout);
        self.shared.scheduler.polling.store(false, Ordering::Relaxed);
    }

    fn time_to_sweep(&self) -> Option<Duration> {
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
    fn next_sweep(&self) -> Milliseconds {
        self.earliest.max(self.last_sweep + SWEEP)
    }

    fn poll_for(&mut self, timeout: Option<Duration>) {
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
        self.now = clock::now();
        if self.shared.scheduler.has_returned() {
            self.take_returned();
        }
        for index in 0..self.shared.listeners.len() {
            if listening[index % 64] {
                self.accept(index, self.shared.config.accepts_per_turn);
            }
        }
        if self.shared.has_orders(self.draining) {
            self.begin_draining();
        }
        if self.now >= self.next_sweep() || (self.accept_paused && self.now >= self.last_sweep + SWEEP) {
            self.sweep();
        }
        if !self.accepting && !self.draining && self.complete.len() < self.shared.config.threads {
            // If it fails it is tried again after the next poll.
            let _ = self.accept_again();
        }
    }

    fn accept_again(&mut self) -> io::Result<()> {
        if self.accept_paused {
            return Ok(());
        }
        for (index, listener) in self.shared.listeners.iter().enumerate() {
            let key = Key { index: index as u32, generation: Self::LISTENER };
            self.poller.add_listener(&listener.socket, key.to_u64())?;
        }
        self.accepting = true;
        Ok(())
    }

    fn stop_accepting(&mut self) {
        if std::mem::take(&mut self.accepting) {
            for listener in &self.shared.listeners {
                self.poller.remove(&listener.socket);
            }
        }
    }

    fn accept(&mut self, index: usize, most: usize) {
        let shared = Arc::clone(&self.shared);
        for _ in 0..most {
            match system::accept(&shared.listeners[index].socket) {
                Ok((socket, peer)) => {
                    let peer = peer.filter(|_| !shared.listeners[index].is_unix);
                    let key = self.slab.reserve();
                    let mut connection = Box::new(Connection::new(socket, key, index, peer));
                    if self.poller.add_connection(&connection.socket, key.to_u64()).is_err() {
                        self.slab.forget(key);
                        continue;
                    }
                    connection.since = self.now;
                    connection.deadline = self.now + milliseconds(shared.config.header_timeout);
                    drop(self.keep(connection));
                    count(&shared.stats.connections_accepted);
                    shared.stats.connections_open.fetch_add(1, Ordering::Relaxed);
                }
                Err(Errno::AGAIN) => return,
                // The client left between its connect and our accept (accept(2)).
                Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                Err(_) => {
                    // No descriptors or no memory: wait for some to come free, or the
                    // level-triggered listener would keep this loop spinning.
                    self.stop_accepting();
                    self.accept_paused = true;
                    return;
                }
            }
        }
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
            || connection.peer_closed;
        if has_more {
            self.ready.push_back((connection.key, connection.peer_closed));
        }
        if self.draining && matches!(connection.phase, Phase::Idle) {
            connection.deadline = connection.deadline.min(self.now + DRAIN_GRACE);
        }
        drop(self.keep(connection));
    }

    pub(crate) fn forget(&mut self, key: Key) {
        self.slab.forget(key);
        self.shared.stats.connections_open.fetch_sub(1, Ordering::Relaxed);
        if self.draining {
            self.shared.drained_if(self.slab.len() == 0);
        }
    }

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

    /// Takes a connection as far as it goes without waiting.
    fn advance(&mut self, mut connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        loop {
            match connection.phase {
                Phase::Idle | Phase::Head => return self.read_head(connection, reader),
                Phase::Body(_) => return self.read_body_ahead(connection, reader),
                Phase::Ready => {
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
                            After::Linger => {
                                connection.shut_down_writing();
                                connection.phase = Phase::Linger;
                                connection.deadline = self.now + LINGER;
                            }
                        }
                    }
                    Flushed::Blocked(sent) => {
                        if sent > 0 || connection.deadline == 0 {
                            connection.deadline =
                                self.now + milliseconds(self.shared.config.write_timeout);
                        }
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
                        self.ready.push_back((connection.key, false));
                        return self.keep(connection);
                    }
                    Flushed::Broken => {
                        count(&self.shared.stats.answers_cut);
                        return self.close(connection);
                    }
                },
                Phase::Discard(_) => {
                    if !self.discard_body(&mut connection, reader) {
                        return match connection.phase {
                            Phase::Discard(_) => self.keep(connection),
                            _ => self.close(connection),
                        };
                    }
                }
                Phase::Linger => return self.linger(connection, reader),
            }
        }
    }

    pub(crate) fn expect_next(&self, connection: &mut Connection<A>) {
        connection.phase = Phase::Idle;
        connection.since = self.now;
        connection.deadline = self.now + milliseconds(self.shared.config.keep_alive);
        if self.draining {
            connection.deadline = connection.deadline.min(self.now + DRAIN_GRACE);
        }
    }

    fn expect_rest(&self, connection: &mut Connection<A>, reader: Box<BodyReader>) {
        connection.phase = Phase::Discard(reader);
        connection.deadline = self.now + milliseconds(self.shared.config.body_timeout);
    }

    /// Reads until the head of a request is whole. On entry `input` may hold its beginning.
    fn read_head(&mut self, mut connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        if matches!(connection.phase, Phase::Idle) && !connection.input.is_empty() {
            // Left over from the request before: pipelining (RFC 9112 section 9.3.2).
            let input = std::mem::take(&mut connection.input);
            reader.load(&input);
            reader.more_may_wait = true;
            match reader.head.parse(&input, &self.shared.config.limits) {
                Ok(Progress::Complete) => return self.head_is_whole(connection, reader),
                Ok(Progress::Partial) => self.head_has_begun(&mut connection, input),
                Err(rejection) => return self.reject(connection, &rejection),
            }
        }
        loop {
            let received = match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                Ok(0) => return self.close(connection),
                Ok(received) => received,
                Err(Errno::AGAIN) => return self.keep(connection),
                Err(_) => return self.close(connection),
            };
            // A short read has emptied the socket: asking again would only say so.
            reader.more_may_wait = received == READ_BYTES || connection.peer_closed;
            let limits = &self.shared.config.limits;
            if connection.input.is_empty() {
                reader.filled = received;
                match reader.head.parse(&reader.buffer[..received], limits) {
                    Ok(Progress::Complete) => return self.head_is_whole(connection, reader),
                    Ok(Progress::Partial) => {
                        let begun = reader.buffer[..received].to_vec();
                        self.head_has_begun(&mut connection, begun);
                    }
                    Err(rejection) => return self.reject(connection, &rejection),
                }
            } else {
                let news = &reader.buffer[..received];
                connection.input.extend_from_slice(news);
                // Parsing again is worth it only when a line has ended or a limit may be passed.
                // That bounds the work by lines, not bytes, for a client that sends byte by byte.
                if news.contains(&b'\n')
                    || connection.input.len() > limits.request_line_bytes.min(limits.head_bytes)
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
            }
            if !reader.more_may_wait {
                return self.keep(connection);
            }
        }
    }

    fn head_has_begun(&self, connection: &mut Connection<A>, begun: Vec<u8>) {
        connection.input = begun;
        connection.phase = Phase::Head;
        connection.deadline = self.now + milliseconds(self.shared.config.header_timeout);
    }

    /// Parses a request that `load` has put into the reader and that was whole before.
    fn parse_loaded(&mut self, connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        match reader.head.parse(&reader.buffer[..reader.filled], &self.shared.config.limits) {
            Ok(Progress::Complete) => {
                reader.body = BodyReader::new(&reader.head.body, self.shared.config.body_limit);
                Way::Run(connection)
            }
            // It was whole when it was gathered.
            Ok(Progress::Partial) => self.close(connection),
            Err(rejection) => self.reject(connection, &rejection),
        }
    }

    /// The head is in the reader; decides whether the application can be called at once.
    fn head_is_whole(&mut self, mut connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
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
            return self.reject(connection, &error::BODY_TOO_LARGE);
        }
        // A client that waits for "100 Continue" gets it when the application first reads.
        if head.expect_continue {
            return Way::Run(connection);
        }
        let here = (reader.filled - head.len) as u64;
        if length.is_some_and(|length| here >= length.min(READ_AHEAD_BYTES as u64)) {
            return Way::Run(connection);
        }
        let ahead = BodyAhead { reader: reader.body.clone(), seen: head.len };
        connection.input = reader.buffer[..reader.filled].to_vec();
        connection.phase = Phase::Body(Box::new(ahead));
        connection.deadline = self.now + milliseconds(self.shared.config.body_timeout);
        self.read_body_ahead(connection, reader)
    }

    /// Reads the body until it is whole or long enough to start the application with.
    fn read_body_ahead(
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
                Ok(false) => {}
                Ok(true) => {
                    let input = std::mem::take(&mut connection.input);
                    reader.load(&input);
                    connection.deadline = 0;
                    return self.parse_loaded(connection, reader);
                }
            }
            match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                Ok(0) => return self.close(connection),
                Ok(received) => {
                    reader.more_may_wait = received == READ_BYTES || connection.peer_closed;
                    connection.input.extend_from_slice(&reader.buffer[..received]);
                    connection.deadline =
                        self.now + milliseconds(self.shared.config.body_timeout);
                }
                Err(Errno::AGAIN) => return self.keep(connection),
                Err(_) => return self.close(connection),
            }
        }
    }

    /// Throws away what the application has not read. True when the next request may come.
    fn discard_body(&mut self, connection: &mut Connection<A>, reader: &mut Reader) -> bool {
        let mut input = std::mem::take(&mut connection.input);
        loop {
            let Phase::Discard(body) = &mut connection.phase else {
                unreachable!("called in the phase Discard only")
            };
            match discard(body, &mut input, &self.shared.config.limits) {
                Ok(true) => {
                    connection.input = input;
                    self.expect_next(connection);
                    return true;
                }
                Ok(false) => {}
                Err(_) => break,
            }
            match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                Ok(0) => break,
                Ok(received) => {
                    connection.discarded += received as u64;
                    if connection.discarded > DISCARD_BYTES {
                        break;
                    }
                    input.extend_from_slice(&reader.buffer[..received]);
                }
                Err(Errno::AGAIN) => {
                    connection.input = input;
                    return false;
                }
                Err(_) => break,
            }
        }
        connection.phase = Phase::Linger;
        false
    }

    /// After our end of a connection: reads on, so that the client gets our last bytes before a reset.
    fn linger(&mut self, mut connection: Box<Connection<A>>, reader: &mut Reader) -> Way<A> {
        connection.input = Vec::new();
        if connection.deadline == 0 {
            connection.deadline = self.now + LINGER;
        }
        loop {
            match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                Ok(0) => return self.close(connection),
                Ok(received) => {
                    connection.discarded += received as u64;
                    if connection.discarded > 16 * DISCARD_BYTES {
                        return self.close(connection);
                    }
                }
                Err(Errno::AGAIN) => return self.keep(connection),
                Err(_) => return self.close(connection),
            }
        }
    }

    /// Answers for the application and ends the connection without resetting it.
    fn reject(&mut self, mut connection: Box<Connection<A>>, rejection: &Rejection) -> Way<A> {
        count(&self.shared.stats.requests_rejected);
        let mut answer = Vec::new();
        let server = &self.shared.config.server;
        response::write_rejection(&mut answer, rejection, self.date.text(), server, false);
        self.log_rejection(&connection, rejection, answer.len() as u64);
        connection.output.push(Piece::Owned { bytes: answer, sent: 0 });
        connection.phase = Phase::Flush(After::Linger);
        connection.deadline = 0;
        self.ready.push_back((connection.key, false));
        self.keep(connection)
    }

    fn log_rejection(&self, connection: &Connection<A>, rejection: &Rejection, bytes: u64) {
        let Some((format, sink)) = self.shared.access_log() else { return };
        let mut lines = access_log::Lines::default();
        let entry = access_log::Entry {
            address: &crate::exchange::PeerAddress(connection.peer.as_ref()),
            unix_seconds: clock::unix_seconds(),
            method: b"-",
            target: rejection.name.as_bytes(),
            protocol: "-",
            status: rejection.status,
            bytes,
            referer: None,
            user_agent: None,
            microseconds: 0,
        };
        lines.add(format, &entry);
        sink.write(&mut lines, &self.shared.stats);
    }

    /// Ends what has waited too long.
    fn sweep(&mut self) {
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
            let Found::Here(connection) = self.slab.take(key) else { continue };
            match connection.phase {
                Phase::Head => drop(self.reject(connection, &error::HEAD_TIMEOUT)),
                Phase::Body(_) => drop(self.reject(connection, &error::BODY_TIMEOUT)),
                Phase::Ready => drop(self.keep(connection)),
                Phase::Flush(_) => {
                    count(&self.shared.stats.answers_cut);
                    drop(self.close(connection));
                }
                Phase::Idle | Phase::Discard(_) | Phase::Linger => drop(self.close(connection)),
            }
        }
    }

    /// The first step of a graceful stop: nobody new, and a last chance for those who are connected.
    fn begin_draining(&mut self) {
        self.draining = true;
        // What the kernel has accepted for us has been accepted.
        for index in 0..self.shared.listeners.len() {
            self.accept(index, usize::MAX);
        }
        self.stop_accepting();
        let now = self.now;
        let idle: Vec<Key> = self
            .slab
            .here()
            .filter(|connection| matches!(connection.phase, Phase::Idle))
            .map(|connection| connection.key)
            .collect();
        for key in idle {
            let Found::Here(mut connection) = self.slab.take(key) else { continue };
            connection.deadline = connection.deadline.min(connection.since + DRAIN_GRACE).max(1);
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

/// True when the body is whole, or enough of it is here.
fn see_ahead(
    ahead: &mut BodyAhead,
    input: &[u8],
    limits: &trivet_http::Limits,
) -> Result<bool, Rejection> {
    loop {
        match ahead.reader.step(&input[ahead.seen..], limits)? {
            Step::Data { end, .. } => ahead.seen += end,
            Step::End { .. } => return Ok(true),
            Step::NeedMore { consumed } => {
                ahead.seen += consumed;
                return Ok(ahead.seen >= READ_AHEAD_BYTES);
            }
        }
    }
}

/// Takes the rest of a body off the front of `input`; true when it is over.
fn discard(
    body: &mut BodyReader,
    input: &mut Vec<u8>,
    limits: &trivet_http::Limits,
) -> Result<bool, Rejection> {
    let mut position = 0;
    let is_over = loop {
        match body.step(&input[position..], limits)? {
            Step::Data { end, .. } => position += end,
            Step::End { consumed } => {
                position += consumed;
                break true;
            }
            Step::NeedMore { consumed } => {
                position += consumed;
                break false;
            }
        }
    };
    input.drain(..position);
    Ok(is_over)
}

fn milliseconds(duration: Duration) -> Milliseconds {
    duration.as_millis().try_into().unwrap_or(u64::MAX / 4)
}
