//! Complete requests that wait for a thread: for how long, and whether anybody still waits for them.

use super::*;

/// A client that closes its side so much later than it sent its request has left. One that does it at
/// once has said that it sends nothing more, and waits for its answer (RFC 9112 section 9.6).
const LEAVING: Milliseconds = 1_000;

impl<A: Application> Hub<A> {
    /// Keeps a complete request until there is a thread for it, for as long as an application may
    /// take.
    pub(super) fn queue_up(&mut self, mut connection: Box<Connection<A>>) {
        let timeout = milliseconds(self.shared.config.timeout);
        connection.phase = Phase::Ready;
        connection.since = self.now;
        connection.waits_since = self.polled;
        connection.deadline = if timeout == 0 { 0 } else { self.now + timeout };
        self.complete.push_back(connection.key);
        drop(self.keep(connection));
    }

    /// Whether a request that came now would be turned away.
    pub(super) fn queue_is_full(&self) -> bool {
        self.complete.len() >= self.shared.config.queue
    }

    /// Makes room where requests were answered with 504 while they waited. They time out in the order
    /// in which they wait.
    pub(super) fn forget_answered(&mut self) {
        while let Some(&key) = self.complete.front()
            && !self.slab.look(key).is_some_and(|found| matches!(found.phase, Phase::Ready))
        {
            self.complete.pop_front();
        }
    }

    /// Notes that a client whose request waits has closed its side.
    pub(super) fn note_leaving(&self, connection: &mut Connection<A>) {
        if connection.peer_closed && self.now >= connection.since + LEAVING {
            connection.has_left = true;
        }
    }

    /// Whether nobody waits for the answer any more. Asks the kernel, because news of this connection
    /// may not have been looked at: one call, for requests that had to wait anyway.
    pub(super) fn has_left(&self, connection: &Connection<A>) -> bool {
        connection.has_left || system::is_broken(&connection.socket)
    }
}
