//! What differs between operating systems, behind one set of names; Linux is the one that is tuned.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

use std::io::IoSlice;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Poller, Ready, ThreadWatch, Waker, accept, send_file, this_thread, voluntary_switches,
};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{
    Poller, Ready, ThreadWatch, Waker, accept, send_file, this_thread, voluntary_switches,
};

/// Takes what has arrived; never blocks, whatever the socket's own mode.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match rustix::net::recv(&socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Err(Errno::INTR) => {}
            result => return result.map(|(received, _)| received),
        }
    }
}

/// Sends what the kernel takes now; never blocks and never raises SIGPIPE.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::net::send(&socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// The same for several pieces with one call.
pub(crate) fn send_pieces(socket: impl AsFd, pieces: &[IoSlice<'_>]) -> Result<usize, Errno> {
    loop {
        let result = rustix::net::sendmsg(
            &socket,
            pieces,
            &mut Default::default(),
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        );
        match result {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
