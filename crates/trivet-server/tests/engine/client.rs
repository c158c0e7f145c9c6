//! A client that says exactly what it is told to, and reads answers by their framing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::gate::PATIENCE;
use crate::server::Address;

/// One connection of a client. Every read fails the test after a while instead of hanging.
pub(crate) struct Client {
    /// A Unix socket behind the type of TCP: reading, writing and shutting down are the same calls.
    stream: TcpStream,
    received: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn closes(&self) -> bool {
        self.field("Connection") == Some("close")
    }
}

/// A request without a body.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// A request with a body of known length.
pub(crate) fn post(target: &str, body: &str) -> String {
    format!("{}{body}", post_head(target, body.len()))
}

/// The head of a request with a body of known length.
pub(crate) fn post_head(target: &str, length: usize) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n")
}

/// The head of a request with a chunked body.
pub(crate) fn chunked_head(target: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// A body in chunks of this size at most, with its end.
pub(crate) fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Bytes that tell every shift and gap.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

impl Client {
    pub(crate) fn connect(address: &Address) -> Self {
        let stream = match address {
            Address::Tcp(address) => TcpStream::connect(address).unwrap(),
            Address::Unix(path) => {
                TcpStream::from(OwnedFd::from(UnixStream::connect(path).unwrap()))
            }
        };
        if matches!(address, Address::Tcp(_)) {
            stream.set_nodelay(true).unwrap();
        }
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what may be refused in the middle.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.answer()
    }

    /// Says that nothing more will come.
    pub(crate) fn finish_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Leaves at once and rudely: with a reset, because bytes that it will not read are on the way.
    pub(crate) fn leave(self) {
        drop(self);
    }

    pub(crate) fn stream(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    /// The next answer to anything but HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.answer_without_body();
        let length = answer.field("Content-Length").map(|length| length.parse().unwrap());
        answer.body = match length {
            Some(length) => self.take(length),
            None if answer.field("Transfer-Encoding") == Some("chunked") => self.take_chunks(),
            None if answer.closes() => self.rest(),
            None => Vec::new(),
        };
        answer
    }

    /// The next head, for answers that have no body (HEAD, 100).
    pub(crate) fn answer_without_body(&mut self) -> Answer {
        let head = self.take_to(b"\r\n\r\n");
        let head = String::from_utf8(head).unwrap();
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .unwrap_or_else(|| panic!("this is no answer: {head:?}"));
        Answer { status, head, body: Vec::new() }
    }

    /// Everything until the server closes; a reset fails the test.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.received)
    }

    /// The server has closed, and has said nothing more.
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "after the end came {:?}", String::from_utf8_lossy(&rest));
    }

    /// The server has closed in one way or the other.
    pub(crate) fn expect_end_or_reset(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the server did not close: {error}"),
            }
        }
    }

    /// Nothing has come that was not asked for. Tells only of what has arrived.
    pub(crate) fn has_nothing(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let result = self.stream.read(&mut [0; 1]);
        self.stream.set_nonblocking(false).unwrap();
        self.received.is_empty() && result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(self.fill(), "the server closed with {} of {length}", self.received.len());
        }
        let rest = self.received.split_off(length);
        std::mem::replace(&mut self.received, rest)
    }

    pub(crate) fn take_to(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len());
            }
            let so_far = String::from_utf8_lossy(&self.received).into_owned();
            assert!(self.fill(), "the server closed after {so_far:?}");
        }
    }

    fn take_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.take_to(b"\r\n");
            let size = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            body.extend(self.take(size));
            assert_eq!(self.take(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        let count = self.stream.read(&mut buffer).unwrap();
        self.received.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
