//! Counters of one engine; written with relaxed atomics, read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Declares the counters once; the snapshot and its names follow.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The counters themselves.
        #[derive(Debug, Default)]
        pub(crate) struct Stats { $($(#[$doc])* pub(crate) $name: AtomicU64,)+ }

        /// The counters at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Snapshot { $($(#[$doc])* pub $name: u64,)+ }

        impl Stats {
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.load(Relaxed),)+ }
            }
        }

        impl Snapshot {
            /// Every counter with its name.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }
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
    /// Requests answered by the application.
    requests,
    /// Connections whose request the application has now.
    connections_busy,
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
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
