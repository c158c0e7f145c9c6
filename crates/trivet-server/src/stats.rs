//! Counters of one engine: relaxed atomics in memory that another process may read beside it.
//!
//! The order of the declarations below is the layout. Python reads it with a table of its own, which a
//! contract test compares with [`layout`].

use std::any::Any;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::board::Board;

/// Methods that are counted by name, then all others, then what was refused before its method was
/// known. A client could name any number of methods of its own.
pub const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "other", "none"];
/// Of what has no method.
const NO_METHOD: usize = METHODS.len() - 1;
/// Classes of a status; the first is for requests whose client left before there was any.
pub const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
/// Answers are also counted by their exact status, from 100 on.
const FIRST_STATUS: usize = 100;
const STATUSES: usize = 500;
/// Upper bounds of the histograms of durations, in microseconds; a last bucket has all above.
pub const BOUNDS: [u64; 16] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];
/// One for each bound, one for what is above.
const BUCKETS: usize = BOUNDS.len() + 1;

/// Declares the counters once; the snapshot, the names and the layout follow.
macro_rules! counters {
    (
        $($(#[$doc:meta])* $name:ident,)+;
        $($(#[$table_doc:meta])* $table:ident: $width:expr,)+
    ) => {
        /// The counters themselves.
        #[derive(Debug)]
        #[repr(C)]
        pub(crate) struct Counters {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)+
            $($(#[$table_doc])* pub(crate) $table: [AtomicU64; $width],)+
        }

        /// The single counters at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Snapshot {
            $($(#[$doc])* pub $name: u64,)+
            /// Connections whose request the application has now.
            pub connections_busy: u64,
        }

        impl Counters {
            fn new() -> Self {
                Self {
                    $($name: AtomicU64::new(0),)+
                    $($table: std::array::from_fn(|_| AtomicU64::new(0)),)+
                }
            }

            pub(crate) fn snapshot(&self) -> Snapshot {
                let mut snapshot =
                    Snapshot { $($name: self.$name.load(Relaxed),)+ connections_busy: 0 };
                snapshot.connections_busy = snapshot.requests_begun.saturating_sub(snapshot.requests);
                snapshot
            }
        }

        impl Snapshot {
            /// Every single counter with its name.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![
                    $((stringify!($name), self.$name),)+
                    ("connections_busy", self.connections_busy),
                ]
            }
        }

        /// Name and width of every counter, in the order in which they lie in memory, 8 bytes for
        /// each unit of width.
        pub fn layout() -> Vec<(&'static str, usize)> {
            vec![$((stringify!($name), 1),)+ $((stringify!($table), $width),)+]
        }
    };
}

counters! {
    /// Connections accepted since the start.
    connections_accepted,
    /// Connections open now.
    connections_open,
    /// Requests that were handed to the application.
    requests_begun,
    /// Requests that the application is done with.
    requests,
    /// Times that a connection could not be taken, for want of descriptors or memory.
    accepts_failed,
    /// Times that new connections had to wait: no descriptors, or as many connections as may be.
    accepts_held_back,
    /// Idle connections closed to make room for new ones.
    connections_shed,
    /// Connections closed because no valid PROXY header came, or not from a trusted peer.
    proxy_headers_refused,
    /// Health checks answered by the engine.
    health_checks,
    /// Requests refused by the engine.
    requests_rejected,
    /// Requests answered with 503 because too many waited for a thread; rejected, too.
    requests_turned_away,
    /// Threads that wait for a client to send or to take, now.
    threads_on_clients,
    /// Requests during whose application call the token was taken away.
    steals,
    /// Changes between early and late release of the token.
    mode_changes,
    /// Microseconds that threads with a request have waited for the interpreter's lock.
    interpreter_wait_microseconds,
    /// Application threads that exist.
    threads,
    /// Connections that the application has taken over, such as WebSockets.
    conversations,
    /// Bytes of requests taken from the kernel.
    bytes_received,
    /// Bytes of answers handed to the kernel or queued.
    bytes_sent,
    /// Answers cut because the client left or took nothing for too long.
    answers_cut,
    /// Requests that waited, or whose application was silent, for longer than the timeout.
    requests_timed_out,
    /// Requests whose client had left before there was a thread for them.
    requests_abandoned,
    /// Requests that were told of as slow.
    requests_slow,
    /// Times that something held the interpreter for so long that nobody could look after a request.
    interpreter_stuck,
    /// Panics in the engine or in its bridge, each answered with 500.
    panics,
    /// Lines that the access log could not write in time.
    log_lines_lost,
    /// Warnings in the log of the process; it counts them itself, as the next one.
    log_warnings,
    /// Errors in the log of the process.
    log_errors,
    /// Microseconds from the beginning to the end of every answered request, added up.
    request_microseconds,
    /// Microseconds that requests have waited for an application thread, added up.
    queue_microseconds,
    /// Microseconds that requests have waited in front of us, as trusted proxies tell, added up.
    proxy_queue_microseconds,
    ;
    /// Answers, by method and within it by class of the status.
    answers: METHODS.len() * CLASSES.len(),
    /// Requests by their duration.
    request_time: BUCKETS,
    /// Requests by how long they have waited for an application thread.
    queue_time: BUCKETS,
    /// Answers by their exact status.
    statuses: STATUSES,
    /// Requests by how long they have waited in front of us, where a trusted proxy tells.
    proxy_queue_time: BUCKETS,
}

impl Counters {
    /// Takes note of an answer to a request.
    pub(crate) fn count_answer(&self, method: &[u8], status: u16) {
        count(&self.answers[cell(method_row(method), status)]);
        self.count_status(status);
    }

    /// Takes note of an answer that the engine has given for the application, to what it did not
    /// understand or did not want.
    pub(crate) fn count_rejection(&self, status: u16) {
        count(&self.requests_rejected);
        count(&self.answers[cell(NO_METHOD, status)]);
        self.count_status(status);
    }

    fn count_status(&self, status: u16) {
        if let Some(counter) = self.statuses.get(usize::from(status).wrapping_sub(FIRST_STATUS)) {
            count(counter);
        }
    }

    pub(crate) fn note_request_time(&self, microseconds: u64) {
        add(&self.request_microseconds, microseconds);
        count(&self.request_time[bucket(microseconds)]);
    }

    pub(crate) fn note_queue_time(&self, microseconds: u64) {
        add(&self.queue_microseconds, microseconds);
        count(&self.queue_time[bucket(microseconds)]);
    }

    pub(crate) fn note_proxy_queue(&self, microseconds: u64) {
        add(&self.proxy_queue_microseconds, microseconds);
        count(&self.proxy_queue_time[bucket(microseconds)]);
    }
}

fn method_row(method: &[u8]) -> usize {
    METHODS[..NO_METHOD - 1]
        .iter()
        .position(|name| name.as_bytes() == method)
        .unwrap_or(NO_METHOD - 1)
}

fn cell(method: usize, status: u16) -> usize {
    let class = usize::from(status / 100);
    method * CLASSES.len() + if class < CLASSES.len() { class } else { 0 }
}

fn bucket(microseconds: u64) -> usize {
    BOUNDS.iter().position(|&bound| microseconds <= bound).unwrap_or(BOUNDS.len())
}

/// The counters, and behind them what else a process tells in this way.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Memory {
    counters: Counters,
    board: Board,
}

/// Memory for the counters of one engine that its maker may read while and after the engine runs.
pub struct SharedMemory {
    start: NonNull<Memory>,
    /// Keeps the memory where it is.
    _owner: Box<dyn Any + Send + Sync>,
}

impl SharedMemory {
    /// Bytes that it takes.
    pub const BYTES: usize = size_of::<Memory>();

    /// `None` when the memory is too small or not aligned for 64-bit atomics.
    ///
    /// # Safety
    /// The memory is valid, and only touched atomically, as long as `owner` exists.
    pub unsafe fn new(
        start: NonNull<u8>,
        length: usize,
        owner: Box<dyn Any + Send + Sync>,
    ) -> Option<Self> {
        let start = start.cast::<Memory>();
        (length >= Self::BYTES && start.is_aligned()).then_some(Self { start, _owner: owner })
    }
}

/// The counters, wherever they lie.
pub(crate) enum Stats {
    Own(Box<Memory>),
    Shared(SharedMemory),
}

// SAFETY: what is behind the pointer are atomics, and the owner may be sent and shared by its type.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl Stats {
    pub(crate) fn new(memory: Option<SharedMemory>) -> Self {
        memory.map_or_else(
            || Self::Own(Box::new(Memory { counters: Counters::new(), board: Board::new() })),
            Self::Shared,
        )
    }

    /// Where another process sees what this one is doing; `None` where no other one looks.
    pub(crate) fn board(&self) -> Option<&Board> {
        match self {
            Self::Own(_) => None,
            // SAFETY: valid as long as the owner, which is beside the pointer; any bytes are entries.
            Self::Shared(memory) => Some(unsafe { &memory.start.as_ref().board }),
        }
    }
}

impl Deref for Stats {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        match self {
            Self::Own(memory) => &memory.counters,
            // SAFETY: valid as long as the owner, which is beside the pointer; any bytes are counters.
            Self::Shared(memory) => unsafe { &memory.start.as_ref().counters },
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// Adds so many.
pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}

/// Takes one off what is counted as being so now.
pub(crate) fn take_off(gauge: &AtomicU64) {
    gauge.fetch_sub(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_as_wide_as_the_memory() {
        let width: usize = layout().iter().map(|(_, width)| width).sum();
        assert_eq!(width * 8, std::mem::offset_of!(Memory, board));
    }

    #[test]
    fn answers_are_counted_by_method_and_class() {
        let counters = Counters::new();
        for (method, status) in [
            (&b"GET"[..], 200),
            (b"GET", 204),
            (b"GET", 404),
            (b"POST", 999),
            (b"PURGE", 200),
            (b"get", 500),
        ] {
            counters.count_answer(method, status);
        }
        counters.count_rejection(400);
        let counted: Vec<_> = counters
            .answers
            .iter()
            .enumerate()
            .map(|(at, counter)| (at, counter.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .map(|(at, count)| (METHODS[at / CLASSES.len()], CLASSES[at % CLASSES.len()], count))
            .collect();
        assert_eq!(
            counted,
            [
                ("GET", "2xx", 2),
                ("GET", "4xx", 1),
                ("POST", "none", 1),
                ("other", "2xx", 1),
                ("other", "5xx", 1),
                ("none", "4xx", 1),
            ]
        );
    }

    #[test]
    fn answers_are_counted_by_their_exact_status_where_there_is_room_for_it() {
        let counters = Counters::new();
        for status in [200, 200, 599, 99, 600, 0] {
            counters.count_answer(b"GET", status);
        }
        counters.count_rejection(431);
        let counted: Vec<_> = counters
            .statuses
            .iter()
            .enumerate()
            .map(|(at, counter)| (FIRST_STATUS + at, counter.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(counted, [(200, 2), (431, 1), (599, 1)]);
    }

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        assert_eq!((bucket(0), bucket(500), bucket(501)), (0, 0, 1));
        assert_eq!((bucket(60_000_000), bucket(60_000_001)), (BOUNDS.len() - 1, BOUNDS.len()));
    }

    #[test]
    fn memory_that_is_too_small_or_crooked_is_refused() {
        let start = NonNull::from(Box::leak(Box::new(Memory {
            counters: Counters::new(),
            board: Board::new(),
        })))
        .cast::<u8>();
        let make = |start, length| {
            // SAFETY: leaked, so always valid.
            unsafe { SharedMemory::new(start, length, Box::new(())) }.is_some()
        };
        assert!(make(start, SharedMemory::BYTES));
        assert!(!make(start, SharedMemory::BYTES - 1));
        // SAFETY: still inside the same allocation.
        assert!(!make(unsafe { start.add(4) }, SharedMemory::BYTES));
    }
}
