//! A connection on its way from one process to another, between two requests.

use std::os::fd::OwnedFd;

/// What must travel with a connection so that another engine can go on with it.
#[derive(Debug)]
pub struct HandedOver {
    /// The client's socket.
    pub socket: OwnedFd,
    /// The number of the listener that it came in on.
    pub listener: usize,
    /// What the client has sent of a request that has not begun.
    pub received: Vec<u8>,
}
