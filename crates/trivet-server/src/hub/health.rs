//! Health checks, answered here: not by the application, and not behind the requests that wait for it.

use trivet_http::response::{Framing, Plan};

use super::*;

/// What a health check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Does the process serve at all?
    Live,
    /// Should it be sent requests?
    Ready,
}

impl<A: Application> Hub<A> {
    /// Whether the request in the reader is a health check. Every request is asked: most paths
    /// differ in length already.
    #[inline]
    pub(super) fn probe(&self, reader: &Reader) -> Option<Probe> {
        let path = reader.head.path.of(&reader.buffer);
        let config = &self.shared.config;
        let probe = if path.len() == config.ready_path.len() && path == config.ready_path {
            Probe::Ready
        } else if path.len() == config.live_path.len() && path == config.live_path {
            Probe::Live
        } else {
            return None;
        };
        // No path is set where nothing is asked, and none is sent by `GET http://host HTTP/1.1`.
        (!path.is_empty()).then_some(probe)
    }

    /// Answers, and keeps the connection for the next request. Only GET and HEAD ask; anything else
    /// is the application's.
    pub(super) fn answer_probe(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &mut Reader,
        probe: Probe,
    ) -> Result<Way<A>, Box<Connection<A>>> {
        let head = &reader.head;
        let method = head.method.of(&reader.buffer);
        let is_head = method == b"HEAD";
        if !(is_head || method == b"GET") || !matches!(head.body, Body::None) {
            return Err(connection);
        }
        count(&self.shared.stats.health_checks);
        let (status, body): (u16, &[u8]) = match probe {
            Probe::Live => (200, b"live\n"),
            Probe::Ready if !self.shared.is_ready() => (503, b"not ready: about to stop\n"),
            Probe::Ready if self.queue_is_full() => (503, b"not ready: the queue is full\n"),
            Probe::Ready => (200, b"ready\n"),
        };
        let close =
            !head.keep_alive || self.is_draining() || self.shared.config.keep_alive.is_zero();
        let plan = Plan {
            framing: Framing::NoBody,
            send_body: !is_head,
            close,
            write_length: Some(body.len() as u64),
        };
        let mut answer = Vec::new();
        response::write_status_line(&mut answer, status, response::reason(status).as_bytes());
        answer.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
        answer.extend_from_slice(b"Cache-Control: no-store\r\n");
        let (date, server) = (Some(self.date.text()), &self.shared.config.server);
        response::finish_head(&mut answer, &plan, head.version, date, server);
        if plan.send_body {
            answer.extend_from_slice(body);
        }
        connection.input = reader.buffer[head.len..reader.filled].to_vec();
        connection.output.push(Piece::Owned { bytes: answer, sent: 0 });
        connection.phase = Phase::Flush(if close { After::Linger } else { After::Next });
        connection.deadline = 0;
        // Not at once: the next one may be here already, and so on.
        self.ready.push_back((connection.key, false));
        Ok(self.keep(connection))
    }
}
