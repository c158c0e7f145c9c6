//! The engine without Python: sockets, connections, deadlines, back-pressure and who polls when.
//!
//! The way of a request: a thread takes the token and with it the [`Hub`](hub::Hub); the hub polls,
//! accepts, reads and parses until a request is complete; the thread runs the application on its
//! [`Exchange`], which sends the answer with one non-blocking call; the connection goes back to
//! the hub. While the application runs, the token lies ready to be taken by the monitor, so that a
//! blocked application never keeps the others waiting (see [`scheduler`]).
//!
//! Who may touch what: the hub belongs to whoever holds the token; a connection belongs to the hub
//! or, while its request runs, to the exchange of one thread. Nothing is shared but the queues in
//! [`scheduler`], so no connection needs a lock.

mod access_log;
mod application;
mod board;
mod body;
mod claim;
mod clock;
mod config;
mod connection;
mod engine;
mod exchange;
mod gathering;
mod hand_over;
mod hub;
mod output;
mod overdue;
mod pace;
mod predictions;
mod request_id;
mod running;
mod scheduler;
mod slab;
mod stats;
mod system;
mod token;

pub use access_log::{LogFormat, Pattern, VALUES};
pub use application::Application;
pub use board::{ENTRIES, TEXT_WORDS, WORDS};
pub use body::BodyError;
pub use config::{Config, Listener};
pub use engine::{Engine, Event};
pub use exchange::{BodyBytes, Exchange, Peer, Refused, Sent};
pub use hand_over::{About, HandedOver, NotAbout};
pub use overdue::{Alarm, LateRequest, Lateness};
pub use stats::{BOUNDS, CLASSES, METHODS, SharedMemory, Snapshot, layout};
pub use trivet_http as http;
