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

    // Apart, because inlined it costs requests of peers that are not trusted 100 instructions.
    #[inline(never)]
    pub(super) fn read_forwarding(&mut self) {
        let config = &self.shared.config;
        let Reader { head, buffer, .. } = &self.reader;
        let forwarding = Forwarding::read(config.forwarded, &head.fields, buffer, &config.trusted);
        self.forwarding = Some(forwarding);
    }

    /// The client as the application sees it.
    pub(super) fn client(&self, peer: Option<SocketAddr>) -> ClientAddress {
        let client = self.forwarding.as_ref().map_or(Client::Peer, |said| said.client);
        ClientAddress { peer, client }
    }
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
