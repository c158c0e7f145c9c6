//! Taking connections from the listening sockets, and leaving them there while there is no room.

use std::net::SocketAddr;

use trivet_http::Trusted;

use super::*;

/// So many idle connections make room at once when descriptors run out.
const SHED_AT_ONCE: usize = 16;

impl<A: Application> Hub<A> {
    pub(super) fn accept_again(&mut self) -> io::Result<()> {
        if self.accept_paused {
            return Ok(());
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            let key = Key { index: index as u32, generation: Self::LISTENER };
            if let Err(error) = self.poller.add_listener(&listener.socket, key.to_u64()) {
                // All or none, so that the next attempt begins anew.
                self.accepting = true;
                self.stop_accepting();
                return Err(error);
            }
        }
        self.accepting = true;
        Ok(())
    }

    pub(super) fn stop_accepting(&mut self) {
        if std::mem::take(&mut self.accepting) {
            for listener in &self.listeners {
                self.poller.remove(&listener.socket);
            }
        }
    }

    /// From every listener what waits there, at most so many from each; whether that was all.
    pub(super) fn accept_from_all(&mut self, most: usize) -> bool {
        let mut was_all = true;
        for index in 0..self.listeners.len() {
            was_all &= self.accept(index, most);
        }
        was_all
    }

    /// Takes what no other worker has taken. Few at first, since one that has room may be on its way
    /// to them; many when there are always more, since then all workers are full, and a health check
    /// waits behind the others.
    pub(super) fn accept_overflow(&mut self) {
        self.looked_for_overflow = self.now;
        let was_all = self.accept_from_all(self.overflow_accepts);
        self.overflow_accepts = next_overflow(self.overflow_accepts, was_all);
    }

    /// At most so many of those that wait; whether that was all, or all that there is room for.
    pub(super) fn accept(&mut self, index: usize, most: usize) -> bool {
        let shared = Arc::clone(&self.shared);
        for _ in 0..most {
            if self.slab.len() >= self.most_connections() && !self.shed_idle() {
                self.at_limit = true;
                self.pause_accepting();
                return true;
            }
            match system::accept(&self.listeners[index].socket) {
                Ok((socket, peer)) => {
                    let is_unix = self.listeners[index].is_unix;
                    let peer = peer.filter(|_| !is_unix);
                    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                    let is_trusted = is_trusted(&shared.config.trusted, is_unix, peer);
                    if shared.config.proxy_protocol && !is_trusted {
                        self.refuse_stranger(peer);
                        continue;
                    }
                    let key = self.slab.reserve();
                    let mut connection = Box::new(Connection::new(socket, key, index, peer));
                    if self.poller.add_connection(&connection.socket, key.to_u64()).is_err() {
                        self.slab.forget(key);
                        continue;
                    }
                    connection.is_trusted = is_trusted;
                    if shared.config.proxy_protocol {
                        connection.phase = Phase::ProxyHeader;
                    }
                    connection.since = self.now;
                    connection.deadline = self.now + milliseconds(shared.config.header_timeout);
                    drop(self.keep(connection));
                    self.peak = self.peak.max(self.slab.len());
                    count(&shared.stats.connections_accepted);
                    count(&shared.stats.connections_open);
                }
                Err(Errno::AGAIN) => return true,
                // The client left between its connect and our accept (accept(2)).
                Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                Err(_) => {
                    // No descriptors or no memory. A connection that idles has had its answer; one
                    // that waits has not.
                    count(&shared.stats.accepts_failed);
                    if self.shed_idle() {
                        continue;
                    }
                    self.pause_accepting();
                    return true;
                }
            }
        }
        false
    }

    /// A graceful stop takes all that the kernel has accepted.
    fn most_connections(&self) -> usize {
        self.shared.config.connections.filter(|_| !self.is_draining()).unwrap_or(usize::MAX)
    }

    /// Waits for a connection to come free, or the level-triggered listener would keep the poller
    /// spinning.
    fn pause_accepting(&mut self) {
        self.stop_accepting();
        self.accept_paused = true;
        count(&self.shared.stats.accepts_held_back);
        self.tell_scarce();
    }

    /// Makes the main thread look at the counters; not more often than it may say something.
    fn tell_scarce(&mut self) {
        if self.now >= self.told_scarce + SWEEP {
            self.told_scarce = self.now;
            self.shared.tell();
        }
    }

    /// Closes the connections that have been idle for longest; false when none is. One that has not
    /// had an answer yet is not idle: its first request is on the way.
    fn shed_idle(&mut self) -> bool {
        let mut idle: Vec<(Milliseconds, Key)> = self
            .slab
            .here()
            .filter(|connection| matches!(connection.phase, Phase::Idle) && connection.was_served)
            .map(|connection| (connection.since, connection.key))
            .collect();
        idle.sort_unstable_by_key(|(since, _)| *since);
        for &(_, key) in idle.iter().take(SHED_AT_ONCE) {
            if let Found::Here(connection) = self.slab.take(key) {
                count(&self.shared.stats.connections_shed);
                drop(self.close(connection));
            }
        }
        if idle.is_empty() {
            return false;
        }
        self.tell_scarce();
        true
    }
}

/// How many a full worker takes at its next look.
fn next_overflow(taken: usize, was_all: bool) -> usize {
    if was_all { OVERFLOW_ACCEPTS } else { (taken * OVERFLOW_GROWTH).min(MOST_OVERFLOW_ACCEPTS) }
}

/// Asked once for each connection: nobody's requests cost anything while nobody is trusted.
fn is_trusted(trusted: &Trusted, is_unix: bool, peer: Option<SocketAddr>) -> bool {
    match peer {
        _ if trusted.is_empty() => false,
        Some(peer) => trusted.has(peer.ip()),
        None => is_unix && trusted.has_unix(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_worker_takes_few_connections_at_first_and_a_thousand_within_four_looks() {
        let mut looks = vec![OVERFLOW_ACCEPTS];
        while looks.iter().sum::<usize>() < 1_000 {
            looks.push(next_overflow(looks[looks.len() - 1], false));
        }
        assert_eq!(looks, [16, 64, 256, 1_024]);
        assert_eq!(next_overflow(1_024, false), 1_024);
    }

    #[test]
    fn a_full_worker_is_careful_again_when_all_were_taken() {
        assert_eq!(next_overflow(1_024, true), OVERFLOW_ACCEPTS);
    }
}
