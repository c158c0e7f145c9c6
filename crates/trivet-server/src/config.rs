//! What the engine is told at its start; nothing here changes later.

use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::access_log::LogFormat;
use crate::clock::milliseconds;
use crate::pace::Demand;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds on the head and on the framing of bodies.
    pub limits: trivet_http::Limits,
    /// The longest request body, in bytes; `None` is unlimited.
    pub body_limit: Option<u64>,
    /// How long an idle connection is kept for its next request.
    pub keep_alive: Duration,
    /// How long a head may take from its first byte to its last.
    pub header_timeout: Duration,
    /// How long a request body may stall.
    pub body_timeout: Duration,
    /// How long a client may refuse to take any of the answer.
    pub write_timeout: Duration,
    /// How long an application may be silent, before its answer and between two parts of it; zero is
    /// for ever.
    pub timeout: Duration,
    /// The same, after which the request is told of and goes on; zero for never.
    pub slow: Duration,
    /// The path on which the engine itself says that it serves; empty for none.
    pub live_path: Vec<u8>,
    /// The path on which the engine itself says that it wants requests; empty for none.
    pub ready_path: Vec<u8>,
    /// The least bytes a second of a head, after a third of `header_timeout`; 0 asks for none.
    pub header_min_rate: u64,
    /// The least bytes a second of a request body, over each `body_timeout`; 0 asks for none.
    pub body_min_rate: u64,
    /// The least bytes a second that a client must take, over each `write_timeout`; 0 asks for none.
    pub write_min_rate: u64,
    /// The most connections; `None` is as many as there are descriptors.
    pub connections: Option<usize>,
    /// Requests on one connection, after which it is closed; `None` is unlimited.
    pub requests_per_connection: Option<u64>,
    /// Complete requests that may wait for a thread; more are answered with 503.
    pub queue: usize,
    /// The most application threads.
    pub threads: usize,
    /// The value of the Server field; empty for none.
    pub server: Vec<u8>,
    /// Other processes accept from the same sockets: one that is full leaves new connections to them.
    pub shares_listeners: bool,
    /// Connections accepted at once, so that processes that share a listener share the load.
    pub accepts_per_turn: usize,
    /// Peers whose word about the client is believed.
    pub trusted: trivet_http::Trusted,
    /// Which of a trusted peer's fields are read.
    pub forwarded: trivet_http::forwarded::Family,
    /// Every connection begins with a header of the PROXY protocol; only trusted peers may connect.
    pub proxy_protocol: bool,
    /// The field that gives a request's id, in answers and as trusted peers send it; empty where
    /// ids are only made for messages.
    pub request_id: Vec<u8>,
    /// The access log on standard output, or none.
    pub access_log: Option<LogFormat>,
    /// Paths that it leaves out; one that ends with `*` is all that begin so.
    pub access_log_skip: Vec<Vec<u8>>,
}

impl Config {
    pub(crate) fn head_demand(&self) -> Demand {
        Demand { patience: milliseconds(self.header_timeout), rate: self.header_min_rate }
    }

    pub(crate) fn body_demand(&self) -> Demand {
        Demand { patience: milliseconds(self.body_timeout), rate: self.body_min_rate }
    }

    pub(crate) fn write_demand(&self) -> Demand {
        Demand { patience: milliseconds(self.write_timeout), rate: self.write_min_rate }
    }
}

/// A socket that is bound and listening already.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: OwnedFd,
    /// Whether it is a Unix socket, whose peers have no address.
    pub is_unix: bool,
}
