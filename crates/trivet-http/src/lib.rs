//! HTTP/1 as bytes and values: no sockets, no clock, no Python, no allocation on the request path.
//!
//! The way of a request: [`Head::parse`] reads the request line and the header fields and decides
//! how the body is framed; [`ChunkedDecoder`] takes a chunked body apart; [`response::plan`] decides
//! how the answer is framed; [`response`] writes it. Behind proxies, [`proxy_protocol`] and
//! [`forwarded`] say whose request it is, and [`proxy_notes`] what it is called. What is refused is a row of [`error::ALL`].
#![forbid(unsafe_code)]

mod byte_class;
mod chunked;
pub mod error;
mod field_section;
pub mod forwarded;
mod framing;
mod head;
mod host;
mod known;
mod limits;
mod node;
pub mod proxy_notes;
pub mod proxy_protocol;
mod request_line;
pub mod response;
mod trusted;
mod word_scan;

pub use chunked::{Chunk, ChunkedDecoder};
pub use error::Rejection;
pub use head::{Body, Field, Head, Progress, Span, Version};
pub use known::Known;
pub use limits::Limits;
pub use request_line::begins_with_head;
pub use trusted::{Trusted, UnknownPeer};
