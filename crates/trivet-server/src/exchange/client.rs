//! Whose request it is: the peer's, or that of the client whom a trusted peer names.

use std::net::SocketAddr;

use trivet_http::forwarded::Client;

use super::*;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Address and port.
    Tcp(SocketAddr),
    /// A Unix socket, which has no address worth telling, or a client that a PROXY header does not
    /// name.
    Unix,
}

impl<A: Application> Exchange<A> {
    /// Who sent the request, proxies included.
    pub fn peer(&self) -> Peer {
        self.open().peer.map_or(Peer::Unix, Peer::Tcp)
    }

    /// What the peer says of the request; `None` when it is not trusted.
    pub fn forwarding(&self) -> Option<&Forwarding> {
        self.forwarding.as_ref()
    }

    /// What the request has waited in front of us, in microseconds, where a trusted peer tells.
    pub fn proxy_queue(&self) -> Option<u64> {
        self.forwarding.as_ref().and(self.proxy_queue)
    }

    /// What the request is called: by a trusted peer, or by us.
    pub fn request_id(&mut self) -> &[u8] {
        if self.request_id.is_empty() {
            // SAFETY: this is the thread of the request.
            unsafe { self.running.write_request_id(&mut self.request_id) };
        }
        &self.request_id
    }

    // Apart, because inlined it costs requests of peers that are not trusted 100 instructions.
    #[inline(never)]
    pub(super) fn read_forwarding(&mut self, here_since: u64) {
        let config = &self.shared.config;
        let Reader { head, buffer, .. } = &self.reader;
        let forwarding = Forwarding::read(config.forwarded, &head.fields, buffer, &config.trusted);
        self.forwarding = Some(forwarding);
        let id_name: &[u8] = match &config.request_id[..] {
            b"" => b"x-request-id", // for messages
            name => name,
        };
        self.notes = ProxyNotes::read(&head.fields, buffer, id_name);
        self.proxy_queue = self.notes.request_start.and_then(|start| {
            let since_then = clock::now_microseconds().saturating_sub(here_since);
            waited_in_front(start, clock::unix_microseconds().saturating_sub(since_then))
        });
        if let Some(waited) = self.proxy_queue {
            self.shared.stats.note_proxy_queue(waited);
        }
    }

    /// The client as the application sees it.
    pub(super) fn client(&self, peer: Option<SocketAddr>) -> ClientAddress {
        let client = self.forwarding.as_ref().map_or(Client::Peer, |said| said.client);
        ClientAddress { peer, client }
    }
}

/// A proxy that tells of more than this has another clock, or another unit, than we think.
const MOST_PROXY_QUEUE: u64 = 600 * 1_000_000;

/// Microseconds from `start` on the proxy's clock to `arrival` on ours. Clocks differ by some
/// milliseconds: what has come before it was sent has not waited.
fn waited_in_front(start: u64, arrival: u64) -> Option<u64> {
    (start.abs_diff(arrival) <= MOST_PROXY_QUEUE).then(|| arrival.saturating_sub(start))
}

/// A client's address for the log; a Unix socket's peer has none.
pub(crate) struct ClientAddress {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) client: Client,
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.client, self.peer) {
            (Client::Address(address, _), _) => address.fmt(formatter),
            (Client::Hidden, _) => formatter.write_str("unknown"),
            (Client::Peer, Some(peer)) => peer.ip().fmt(formatter),
            (Client::Peer, None) => formatter.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_in_front_is_never_negative_and_never_absurd() {
        let now = 1_700_000_000_000_000;
        assert_eq!(waited_in_front(now - 1500, now), Some(1500));
        assert_eq!(waited_in_front(now + 1500, now), Some(0));
        assert_eq!(waited_in_front(now - MOST_PROXY_QUEUE, now), Some(MOST_PROXY_QUEUE));
        assert_eq!(waited_in_front(now - MOST_PROXY_QUEUE - 1, now), None);
        assert_eq!(waited_in_front(now + MOST_PROXY_QUEUE + 1, now), None);
        assert_eq!(waited_in_front(0, now), None);
    }
}
