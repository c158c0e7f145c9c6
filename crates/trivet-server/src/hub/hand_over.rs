//! Connections that go to another process between two requests, and those that come from one.

use super::*;
use crate::hand_over::{About, HandedOver};

impl<A: Application> Hub<A> {
    /// Gives away every connection of which no request runs, and leaves new ones to others.
    ///
    /// Unlike a graceful stop this takes nothing off the listening sockets: whoever waits there is
    /// for the process that comes next.
    pub(super) fn begin_hand_over(&mut self) {
        self.obeyed |= orders::HAND_OVER;
        self.stop_accepting();
        self.listeners.clear();
        let unbegun: Vec<Key> = self
            .slab
            .here()
            .filter(|connection| is_unbegun(&connection.phase))
            .map(|connection| connection.key)
            .collect();
        for key in unbegun {
            if let Found::Here(connection) = self.slab.take(key) {
                drop(self.give_away(connection));
            }
        }
        self.shared.stopped_accepting();
        self.shared.drained_if(self.slab.len() == 0);
    }

    /// Parts with a connection whose next request has not begun.
    #[allow(clippy::boxed_local, reason = "connections are boxed wherever they are handed on")]
    pub(super) fn give_away(&mut self, connection: Box<Connection<A>>) -> Way<A> {
        self.poller.remove(&connection.socket);
        let key = connection.key;
        let Connection { socket, listener, peer, is_trusted, phase, input, .. } = *connection;
        let awaits_proxy_header = matches!(phase, Phase::ProxyHeader);
        let about = About { listener, peer, is_trusted, awaits_proxy_header };
        // Before `forget`, which may say that nothing is left.
        self.shared.hand_over(HandedOver { socket, about, received: input });
        self.forget(key);
        Way::Done
    }

    /// Takes in what another process has given away.
    pub(super) fn adopt_all(&mut self) {
        for handed in self.shared.take_adopted() {
            if self.obeyed & orders::HAND_OVER != 0 {
                self.shared.hand_over(handed);
                continue;
            }
            let HandedOver { socket, about, received } = handed;
            let key = self.slab.reserve();
            let mut connection = Box::new(Connection::new(socket, key, about.listener, about.peer));
            if self.poller.add_connection(&connection.socket, key.to_u64()).is_err() {
                self.slab.forget(key);
                continue;
            }
            connection.is_trusted = about.is_trusted;
            connection.since = self.now;
            let patience = if about.awaits_proxy_header {
                connection.phase = Phase::ProxyHeader;
                self.shared.config.header_timeout
            } else {
                self.shared.config.keep_alive
            };
            connection.deadline = self.now + milliseconds(patience);
            if !received.is_empty() {
                // As what follows a request in the same packet: pipelining.
                connection.input = received;
                self.ready.push_back((key, false));
            }
            count(&self.shared.stats.connections_open);
            drop(self.keep(connection));
        }
    }
}

/// Whether no answer is owed yet and none is on its way.
pub(super) fn is_unbegun(phase: &Phase) -> bool {
    phase.is_before_a_request() || matches!(phase, Phase::Body(_) | Phase::Ready)
}
