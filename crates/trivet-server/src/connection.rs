//! One connection between two requests: what has arrived, what must still go out, and until when.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::net::sockopt;

use crate::application::Application;
use crate::body::BodyReader;
use crate::clock::Milliseconds;
use crate::output::Output;
use crate::pace::Pace;
use crate::system;

/// A connection's place in the slab. The generation makes events for an earlier owner harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Key {
    pub(crate) fn to_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(crate) fn from_u64(value: u64) -> Self {
        Self { index: value as u32, generation: (value >> 32) as u32 }
    }
}

/// The mark that the hub leaves for the thread that has a connection: "events came meanwhile".
///
/// The thread gives the connection back first and looks at the mark afterwards; the hub leaves the
/// mark first and looks into the queue of returned connections afterwards. One of them sees the other.
#[derive(Debug, Default)]
pub(crate) struct Lent(AtomicU32);

impl Lent {
    pub(crate) const EVENT: u32 = 1;
    pub(crate) const PEER_CLOSED: u32 = 2;

    pub(crate) fn note(&self, flags: u32) {
        self.0.fetch_or(flags, Ordering::SeqCst);
    }

    pub(crate) fn peek(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn take(&self) -> u32 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// What a connection that the hub owns is waiting for.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The header of the PROXY protocol, before the first request.
    ProxyHeader,
    /// The first byte of a request.
    Idle,
    /// The rest of a head.
    Head,
    /// More of a body that is read ahead, so that a slow client costs no application thread.
    Body(Box<BodyAhead>),
    /// An application thread: the request is complete.
    Ready,
    /// The client to take the rest of the answer.
    Flush(After),
    /// The rest of a body that the application did not read.
    Discard(Box<BodyReader>),
    /// The client to close, after we did (RFC 9112 section 9.6).
    Linger,
}

impl Phase {
    /// Whether no whole head has arrived yet.
    pub(crate) fn is_before_a_request(&self) -> bool {
        matches!(self, Self::ProxyHeader | Self::Idle | Self::Head)
    }

    /// Whether the deadline is about bytes that the client should send.
    pub(crate) fn awaits_input(&self) -> bool {
        matches!(self, Self::ProxyHeader | Self::Idle | Self::Head | Self::Body(_))
    }
}

/// How far the reading ahead of a body has come.
#[derive(Debug)]
pub(crate) struct BodyAhead {
    pub(crate) reader: BodyReader,
    /// Bytes of `input` that `reader` has seen.
    pub(crate) seen: usize,
    /// When the first of it was waited for.
    pub(crate) began: Milliseconds,
    /// When the client has stalled for too long, or has been too slow.
    pub(crate) times_out: Milliseconds,
    /// There is enough to call the application with, and too many threads wait for clients.
    pub(crate) is_held_back: bool,
}

/// What comes after the last byte of an answer.
#[derive(Debug)]
pub(crate) enum After {
    /// The next request.
    Next,
    /// The rest of the request body first, then the next request.
    Discard(Box<BodyReader>),
    /// The end.
    Close,
    /// The end, but the client may still be sending: do not reset it.
    Linger,
}

/// One connection.
pub(crate) struct Connection<A: Application> {
    pub(crate) socket: OwnedFd,
    pub(crate) key: Key,
    pub(crate) lent: Arc<Lent>,
    pub(crate) listener: usize,
    /// Who sends on it, or whom a PROXY header names; a peer on a Unix socket has no address.
    pub(crate) peer: Option<SocketAddr>,
    /// What it says of other clients is believed.
    pub(crate) is_trusted: bool,
    pub(crate) phase: Phase,
    /// Bytes that have arrived and belong to no finished request; no memory while idle.
    pub(crate) input: Vec<u8>,
    pub(crate) output: Output<A::Bytes>,
    /// Zero: none.
    pub(crate) deadline: Milliseconds,
    /// When the first byte of the request arrived that is now coming in, or the last one ended.
    pub(crate) since: Milliseconds,
    /// When its request was complete and there was no thread for it, in microseconds; zero: not so.
    pub(crate) waits_since: u64,
    pub(crate) kept: Option<A::Kept>,
    /// The client has said that it will send nothing more.
    pub(crate) peer_closed: bool,
    /// The client has closed its side while its request waited for a thread.
    pub(crate) has_left: bool,
    /// It has had an answer.
    pub(crate) was_served: bool,
    /// Its deadline has been put off once, because input was there that had not been read.
    pub(crate) is_put_off: bool,
    /// Whether the poller also watches for room to write.
    pub(crate) watches_writable: bool,
    /// How fast the client takes what is queued, while it is waited for.
    pub(crate) pace: Pace,
    /// Requests that the application has been given.
    pub(crate) requests: u64,
    /// Bytes thrown away in the phases Discard and Linger.
    pub(crate) discarded: u64,
}

impl<A: Application> Connection<A> {
    pub(crate) fn new(
        socket: OwnedFd,
        key: Key,
        listener: usize,
        peer: Option<SocketAddr>,
    ) -> Self {
        Self {
            socket,
            key,
            lent: Arc::default(),
            listener,
            peer,
            is_trusted: false,
            phase: Phase::Idle,
            input: Vec::new(),
            output: Output::new(),
            deadline: 0,
            since: 0,
            waits_since: 0,
            kept: None,
            peer_closed: false,
            has_left: false,
            was_served: false,
            is_put_off: false,
            watches_writable: false,
            pace: Pace::default(),
            requests: 0,
            discarded: 0,
        }
    }

    /// Bytes that the client's side has acknowledged, counted from anywhere. What the kernel has
    /// taken says little: it may keep megabytes for a client that reads nothing.
    pub(crate) fn taken(&self) -> i64 {
        self.output.handed_over().cast_signed() - system::unacknowledged(&self.socket)
    }

    /// Lets the close that follows be a reset. Otherwise the kernel would go on offering what it has
    /// buffered, megabytes perhaps, to a client that takes none of it, for a quarter of an hour, and
    /// the client would not come to see the end (tcp(7), tcp_orphan_retries).
    pub(crate) fn give_up(&self) {
        // Where it fails the close is an ordinary one.
        let _ = sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    /// Tells the client that nothing more will come.
    pub(crate) fn shut_down_writing(&self) {
        // The client may be gone already; there is nobody left to tell.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
    }
}

/// Small answers must not wait for the acknowledgement of earlier ones.
pub(crate) fn send_without_delay(socket: impl AsFd) {
    // A socket that cannot do this is only slower.
    let _ = sockopt::set_tcp_nodelay(socket, true);
}

/// Closing the socket will throw away what is not sent and tell the peer so (RST, tcp(7)).
pub(crate) fn reset_when_closed(socket: &OwnedFd) {
    // A Unix socket knows no reset; its peer sees an orderly end.
    let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_through_the_poller_unchanged() {
        for (index, generation) in [(0, 0), (1, 0), (0, 1), (u32::MAX, 7), (7, u32::MAX)] {
            let key = Key { index, generation };
            assert_eq!(Key::from_u64(key.to_u64()), key);
        }
    }

    #[test]
    fn marks_gather_until_they_are_taken() {
        let lent = Lent::default();
        assert_eq!(lent.peek(), 0);
        lent.note(Lent::EVENT);
        lent.note(Lent::EVENT | Lent::PEER_CLOSED);
        assert_eq!(lent.peek(), Lent::EVENT | Lent::PEER_CLOSED);
        assert_eq!(lent.take(), Lent::EVENT | Lent::PEER_CLOSED);
        assert_eq!((lent.peek(), lent.take()), (0, 0));
    }
}
