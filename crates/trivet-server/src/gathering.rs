//! Which socket holds small parts of a streamed answer back, so that the monitor can let them go in time.
//!
//! A part costs several microseconds when it is sent by itself, most of them for waking the client.
//! So the kernel is told that more will follow (MSG_MORE in send(2)) while an application makes parts
//! quickly, and puts them into one segment. PEP 3333 allows a part to wait only while another
//! thread sees to its transmission: that is the monitor, at its next tick. One socket at a time
//! gathers; the others send each part at once.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::connection::send_without_delay;

/// The place of the one socket that gathers.
#[derive(Default)]
pub(crate) struct Gathering {
    socket: Mutex<Option<RawFd>>,
    /// Whether there is one, for a look without the lock.
    is_taken: AtomicBool,
}

impl Gathering {
    /// Takes the place, if it is free. Call `end` before the socket is closed.
    pub(crate) fn begin(&self, socket: BorrowedFd<'_>) -> bool {
        if self.is_taken.swap(true, Ordering::AcqRel) {
            return false;
        }
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket.as_raw_fd());
        true
    }

    /// Leaves the place. What the socket still holds back is let go by its next plain send, or by
    /// [`let_go`].
    pub(crate) fn end(&self) {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.is_taken.store(false, Ordering::Release);
    }

    /// For the monitor: lets go of what is held back. Never waits longer than another `begin`.
    pub(crate) fn let_go(&self) {
        if !self.is_taken.load(Ordering::Acquire) {
            return;
        }
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(descriptor) = *socket {
            // SAFETY: its owner calls `end`, which needs the lock, before it closes the socket.
            let_go(unsafe { BorrowedFd::borrow_raw(descriptor) });
        }
    }
}

/// Sends what a socket holds back: setting the option again does that (tcp(7), TCP_NODELAY).
pub(crate) fn let_go(socket: BorrowedFd<'_>) {
    send_without_delay(socket);
}
