//! What differs between operating systems, behind one set of names; Linux is the one that is tuned.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod portable;

use std::io::IoSlice;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

#[cfg(all(target_os = "linux", not(feature = "portable")))]
use linux as own;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
use portable as own;

pub(crate) use own::{
    Poller, Ready, TELLS_OF_CLOSING, ThreadWatch, Waker, accept, bound_arenas, cpu_clock, cpu_time,
    give_memory_back, news_pipe, send_file, this_thread, unacknowledged, voluntary_switches,
};

/// CPython ignores SIGPIPE; where the flag exists, nobody else has to.
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;

/// The kernel may wait for more before it sends: only Linux lets go of it on request.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
const MORE_FLAGS: SendFlags = SEND_FLAGS.union(SendFlags::MORE);
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
const MORE_FLAGS: SendFlags = SEND_FLAGS;

/// Runs the handler of a signal on this thread, and returns when it has returned (raise(3)).
pub(crate) fn raise(signal: i32) {
    // SAFETY: it takes a number and touches no memory of ours; a number that is none is refused.
    unsafe {
        libc::raise(signal);
    }
}

/// Takes what has arrived; never blocks, whatever the socket's own mode.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match rustix::net::recv(&socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Err(Errno::INTR) => {}
            result => return result.map(|(received, _)| received),
        }
    }
}

/// Whether a read would give something, be it the end.
pub(crate) fn has_input(socket: impl AsFd) -> bool {
    let mut byte = [0u8];
    let peeked = rustix::net::recv(socket, &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK);
    peeked.is_ok()
}

/// Whether the connection was reset: there is nobody left at all.
pub(crate) fn is_broken(socket: impl AsFd) -> bool {
    let mut polled = [PollFd::new(&socket, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let polled_at_once = rustix::event::poll(&mut polled, Some(&now));
    // A reset ends both directions; the end of the client's side alone is no HUP (poll(2)).
    polled_at_once.is_ok() && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

/// Sends what the kernel takes now; never blocks and never raises SIGPIPE.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    send_with(socket, bytes, SEND_FLAGS)
}

/// The same, and says that more will follow soon: see `gathering`.
pub(crate) fn send_more(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    send_with(socket, bytes, MORE_FLAGS)
}

fn send_with(socket: impl AsFd, bytes: &[u8], flags: SendFlags) -> Result<usize, Errno> {
    loop {
        match rustix::net::send(&socket, bytes, flags) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// The same for several pieces with one call.
pub(crate) fn send_pieces(socket: impl AsFd, pieces: &[IoSlice<'_>]) -> Result<usize, Errno> {
    loop {
        let result = rustix::net::sendmsg(&socket, pieces, &mut Default::default(), SEND_FLAGS);
        match result {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
