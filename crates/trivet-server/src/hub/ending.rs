//! The ends of a connection: what is thrown away, refused, and waited for after the last answer.

use std::net::SocketAddr;

use trivet_http::forwarded::{Client, Forwarding};
use trivet_http::{Head, Progress};

use super::*;
use crate::exchange::ClientAddress;

impl<A: Application> Hub<A> {
    pub(super) fn begin_to_linger(&self, connection: &mut Connection<A>) {
        connection.shut_down_writing();
        connection.phase = Phase::Linger;
        connection.input = Vec::new();
        connection.since = self.now;
        connection.deadline = self.now + LINGER_SILENCE;
    }

    /// Throws away what the application has not read of a body.
    pub(super) fn discard_body(
        &self,
        connection: &mut Connection<A>,
        reader: &mut Reader,
    ) -> Discarded {
        let Phase::Discard(body) = &mut connection.phase else {
            unreachable!("called in the phase Discard only")
        };
        loop {
            match discard(body, &mut connection.input, &self.shared.config.limits) {
                Ok(true) => return Discarded::All,
                Ok(false) => {}
                // What follows cannot be told from the body.
                Err(_) => return Discarded::TooMuch,
            }
            match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                Ok(0) => return Discarded::Broken,
                Ok(received) => {
                    add(&self.shared.stats.bytes_received, received as u64);
                    connection.discarded += received as u64;
                    if connection.discarded > DISCARD_BYTES {
                        return Discarded::TooMuch;
                    }
                    connection.input.extend_from_slice(&reader.buffer[..received]);
                }
                Err(Errno::AGAIN) => return Discarded::NotYet,
                Err(_) => return Discarded::Broken,
            }
        }
    }

    /// After our end of a connection: reads on, so that the client gets our last bytes before a reset.
    pub(super) fn linger(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &mut Reader,
    ) -> Way<A> {
        // Others have a turn between two reads of a fast sender.
        for _ in 0..16 {
            match system::receive(&connection.socket, &mut reader.buffer[..READ_BYTES]) {
                Ok(0) => return self.close(connection),
                Ok(received) => {
                    add(&self.shared.stats.bytes_received, received as u64);
                    let end = connection.since + LINGER;
                    connection.deadline = end.min(self.now + LINGER_SILENCE);
                }
                Err(Errno::AGAIN) => return self.keep(connection),
                Err(_) => return self.close(connection),
            }
        }
        self.ready.push_back((connection.key, false));
        self.keep(connection)
    }

    /// Refuses a request that lies in the reader alone.
    pub(super) fn reject_read(
        &mut self,
        mut connection: Box<Connection<A>>,
        reader: &Reader,
        rejection: &Rejection,
    ) -> Way<A> {
        connection.input = reader.buffer[..reader.filled].to_vec();
        self.reject(connection, rejection)
    }

    /// Answers for the application and ends the connection without resetting it. `input` of the
    /// connection begins with the request, as far as it is known.
    pub(super) fn reject(
        &mut self,
        mut connection: Box<Connection<A>>,
        rejection: &Rejection,
    ) -> Way<A> {
        self.shared.stats.count_rejection(rejection.status);
        let mut answer = Vec::new();
        let server = &self.shared.config.server;
        // RFC 9110 section 9.3.2: no content in an answer to HEAD, even in one that ends everything.
        let is_head = trivet_http::begins_with_head(&connection.input);
        response::write_rejection(&mut answer, rejection, self.date.text(), server, is_head);
        self.shared.tell_of_other_protocol(rejection);
        self.log_rejection(&connection, rejection, answer.len() as u64);
        connection.output.push(Piece::Owned { bytes: answer, sent: 0 });
        connection.phase = Phase::Flush(After::Linger);
        connection.deadline = 0;
        self.ready.push_back((connection.key, false));
        self.keep(connection)
    }

    pub(super) fn log_rejection(
        &mut self,
        connection: &Connection<A>,
        rejection: &Rejection,
        bytes: u64,
    ) {
        let mut head = Head::default();
        let limits = &self.shared.config.limits;
        // 400 has many reasons, and the line names the one; any other status says it by itself.
        if rejection.status == 400
            || !matches!(head.parse(&connection.input, limits), Ok(Progress::Complete))
        {
            return self.log_refusal(connection.peer, rejection.name, rejection.status, bytes);
        }
        let Some((format, _)) = self.shared.access_log() else { return };
        let config = &self.shared.config;
        let client = if connection.is_trusted {
            let (fields, buffer) = (&head.fields, &connection.input[..]);
            Forwarding::read(config.forwarded, fields, buffer, &config.trusted).client
        } else {
            Client::Peer
        };
        let microseconds = match &connection.phase {
            Phase::Ready => clock::now_microseconds().saturating_sub(connection.waits_since),
            Phase::Body(ahead) => self.now.saturating_sub(ahead.began) * 1_000,
            _ => 0,
        };
        let entry = access_log::Entry {
            address: &ClientAddress { peer: connection.peer, client },
            unix_seconds: clock::unix_seconds(),
            subject: access_log::Subject::Request(&head, &connection.input),
            status: rejection.status,
            bytes,
            microseconds,
            answer_fields: &[],
            request_id: None,
            proxy_queue: None,
        };
        self.lines.add(format, &entry);
    }

    /// A line for what was not understood as a request, with the reason in the place of the target.
    pub(super) fn log_refusal(
        &mut self,
        peer: Option<SocketAddr>,
        reason: &str,
        status: u16,
        bytes: u64,
    ) {
        let Some((format, _)) = self.shared.access_log() else {
            return;
        };
        let entry = access_log::Entry {
            address: &ClientAddress { peer, client: Client::Peer },
            unix_seconds: clock::unix_seconds(),
            subject: access_log::Subject::Refused(reason),
            status,
            bytes,
            microseconds: 0,
            answer_fields: &[],
            request_id: None,
            proxy_queue: None,
        };
        self.lines.add(format, &entry);
    }
}

/// Takes the rest of a body off the front of `input`; true when it is over.
fn discard(
    body: &mut BodyReader,
    input: &mut Vec<u8>,
    limits: &trivet_http::Limits,
) -> Result<bool, Rejection> {
    let mut position = 0;
    let is_over = loop {
        match body.step(&input[position..], limits)? {
            Step::Data { end, .. } => position += end,
            Step::End { consumed } => {
                position += consumed;
                break true;
            }
            Step::NeedMore { consumed } => {
                position += consumed;
                break false;
            }
        }
    };
    input.drain(..position);
    Ok(is_over)
}
