//! What must hold for any bytes, one module for each thing that reads bytes of strangers. Each has a
//! function `check` that panics when something does not hold; libFuzzer and `cargo test` call it.

pub mod chunked;
pub mod connection;
pub mod forwarded;
pub mod head;
pub mod proxy_header;

/// Panics when something does not hold for the bytes.
pub type Check = fn(&[u8]);

/// Every check with the name of its target and of its folder in `corpus`.
pub const CHECKS: &[(&str, Check)] = &[
    ("head", head::check),
    ("chunked", chunked::check),
    ("proxy_header", proxy_header::check),
    ("forwarded", forwarded::check),
    ("connection", connection::check),
];
