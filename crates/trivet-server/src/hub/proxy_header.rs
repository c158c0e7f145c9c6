//! The header of the PROXY protocol before the first request: who the client is, or the end.

use std::net::SocketAddr;

use trivet_http::proxy_protocol::{self, Fault, LONGEST_HEADER, Source};

use super::*;

/// For the log: the connection is closed without an answer, since nothing says that the other side
/// speaks HTTP yet.
const STRANGER: &str = "proxy-header-from-untrusted-peer";
const TIMEOUT: &str = "proxy-header-timeout";

impl<A: Application> Hub<A> {
    /// Reads on; the connection comes back when its header is whole, and what followed the header
    /// is left in its `input`.
    pub(super) fn read_proxy_header(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &mut Reader,
    ) -> Option<Box<Connection<A>>> {
        loop {
            match system::receive(&connection.socket, &mut reader.buffer[..LONGEST_HEADER]) {
                // A port that is looked at, or a proxy that has changed its mind.
                Ok(0) => {
                    drop(self.close(connection));
                    return None;
                }
                Ok(received) => {
                    add(&self.shared.stats.bytes_received, received as u64);
                    connection.input.extend_from_slice(&reader.buffer[..received]);
                }
                Err(Errno::AGAIN) => {
                    drop(self.keep(connection));
                    return None;
                }
                Err(_) => {
                    drop(self.close(connection));
                    return None;
                }
            }
            match proxy_protocol::parse(&connection.input) {
                Ok(None) => {}
                Ok(Some(header)) => {
                    self.take_source(&mut connection, header.source);
                    // Not drained: an idle connection keeps no memory.
                    connection.input = connection.input.split_off(header.len);
                    connection.phase = Phase::Idle;
                    return Some(connection);
                }
                Err(fault) => {
                    self.refuse(connection, fault);
                    return None;
                }
            }
        }
    }

    /// From here on the client that the header names is the peer: its own word about others counts
    /// only when it is trusted too.
    fn take_source(&self, connection: &mut Connection<A>, source: Source) {
        match source {
            Source::Proxy => {}
            Source::Unknown => {
                connection.peer = None;
                connection.is_trusted = false;
            }
            Source::Address(address) => {
                connection.peer = Some(address);
                connection.is_trusted = self.shared.config.trusted.has(address.ip());
            }
        }
    }

    fn refuse(&mut self, connection: Box<Connection<A>>, fault: Fault) {
        self.note_refused(connection.peer, fault.name());
        drop(self.close(connection));
    }

    pub(super) fn close_for_want_of_a_header(&mut self, connection: Box<Connection<A>>) {
        self.note_refused(connection.peer, TIMEOUT);
        drop(self.close(connection));
    }

    pub(super) fn refuse_stranger(&mut self, peer: Option<SocketAddr>) {
        self.note_refused(peer, STRANGER);
    }

    fn note_refused(&mut self, peer: Option<SocketAddr>, name: &str) {
        count(&self.shared.stats.proxy_headers_refused);
        self.log_refusal(peer, name, 400, 0);
    }
}
