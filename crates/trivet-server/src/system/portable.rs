//! Other systems (macOS, BSD) through the `polling` crate; built on Linux with the feature `portable`,
//! so that its tests run there, too.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use polling::{Event, Events, PollMode};
use rustix::io::{Errno, FdFlags};
use rustix::net::SocketAddrAny;

/// Events taken from the kernel with one call.
const EVENTS_PER_WAIT: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// Events do not say everywhere that the client has shut down its side.
pub(crate) const TELLS_OF_CLOSING: bool = false;

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// What was given when the socket was added.
    pub(crate) key: u64,
    /// The client has shut down its side, or the connection is broken.
    pub(crate) closed: bool,
}

/// One kernel queue with a wake-up.
pub(crate) struct Poller {
    poller: Arc<polling::Poller>,
    events: Events,
}

fn key(key: u64) -> usize {
    // Keys are a generation and an index, 64 bits; all systems here are 64-bit.
    key as usize
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Arc::new(polling::Poller::new()?);
        Ok(Self { poller, events: Events::with_capacity(EVENTS_PER_WAIT) })
    }

    /// A second handle, for waking and forgetting from other threads.
    #[allow(clippy::unnecessary_wraps, reason = "the Linux one duplicates descriptors")]
    pub(crate) fn handle(&self) -> io::Result<Waker> {
        Ok(Waker { poller: Arc::clone(&self.poller) })
    }

    /// Watches a listening socket, level-triggered.
    pub(crate) fn add_listener(&self, socket: impl AsFd, at: u64) -> io::Result<()> {
        self.add(socket, at, PollMode::Level)
    }

    fn add(&self, socket: impl AsFd, at: u64, mode: PollMode) -> io::Result<()> {
        let source = socket.as_fd().as_raw_fd();
        // SAFETY: listeners live as long as the engine; a connection is deleted by the kernel when
        // its descriptor is closed, or by `forget` when a duplicate lives on.
        unsafe { self.poller.add_with_mode(source, Event::readable(key(at)), mode) }
    }

    pub(crate) fn remove(&self, socket: impl AsFd) {
        // The socket may not be watched at the moment, which is what is wanted.
        let _ = self.poller.delete(socket.as_fd());
    }

    /// Watches a connection, edge-triggered.
    pub(crate) fn add_connection(&self, socket: impl AsFd, at: u64) -> io::Result<()> {
        self.add(socket, at, PollMode::Edge)
    }

    /// From now on also for room to write.
    pub(crate) fn watch_writable(&self, socket: impl AsFd, at: u64) -> io::Result<()> {
        self.poller.modify_with_mode(socket.as_fd(), Event::all(key(at)), PollMode::Edge)
    }

    /// Waits at most `timeout` (`None`: for ever) and hands on what is ready.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut each: impl FnMut(Ready),
    ) -> io::Result<usize> {
        self.events.clear();
        match self.poller.wait(&mut self.events, timeout) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            Err(error) => return Err(error),
        }
        for event in self.events.iter() {
            let closed = event.is_interrupt() || event.is_err() == Some(true);
            each(Ready { key: event.key as u64, closed });
        }
        Ok(self.events.len())
    }
}

/// Wakes a poller, and takes sockets from it, from any thread.
pub(crate) struct Waker {
    poller: Arc<polling::Poller>,
}

impl Waker {
    pub(crate) fn wake(&self) {
        // A poller that cannot be woken is broken, and its holder finds out by itself.
        let _ = self.poller.notify();
    }

    /// Stops watching a socket that lives on in other hands.
    pub(crate) fn forget(&self, socket: impl AsFd) {
        // It was watched from its first moment; if the kernel disagrees there is nothing to undo.
        let _ = self.poller.delete(socket.as_fd());
    }
}

/// A pipe that neither blocks nor is inherited.
pub(crate) fn news_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    for end in [&reader, &writer] {
        rustix::io::ioctl_fionbio(end, true)?;
        rustix::io::fcntl_setfd(end, FdFlags::CLOEXEC)?;
    }
    Ok((reader, writer))
}

/// Takes one connection off a listening socket.
pub(crate) fn accept(listener: impl AsFd) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
    let (socket, peer) = rustix::net::acceptfrom(listener)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    Ok((socket, peer))
}

/// Sends a part of a file; read and sent, because sendfile differs from system to system.
pub(crate) fn send_file(
    socket: BorrowedFd<'_>,
    file: impl AsFd,
    offset: &u64,
    length: u64,
) -> Result<usize, Errno> {
    let mut buffer = [0u8; 64 * 1024];
    let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
    let file = File::from(file.as_fd().try_clone_to_owned().map_err(|_| Errno::MFILE)?);
    let read = file.read_at(&mut buffer[..wanted], *offset).map_err(|_| Errno::IO)?;
    if read == 0 {
        return Ok(0);
    }
    super::send(socket, &buffer[..read])
}

/// Allocators of other systems do this by themselves.
pub(crate) fn give_memory_back() {}

pub(crate) fn bound_arenas() {}

/// What the other side has not acknowledged cannot be asked everywhere: what the kernel has taken
/// counts as taken.
pub(crate) fn unacknowledged(_socket: impl AsFd) -> i64 {
    0
}

/// A number for this thread; the system's own numbers are not needed where nobody looks them up.
pub(crate) fn this_thread() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Not known here: only the monitor's clock decides about the mode.
pub(crate) fn voluntary_switches() -> u64 {
    0
}

/// Threads have no clocks of their own here.
pub(crate) fn cpu_clock() -> Option<i32> {
    None
}

/// See [`cpu_clock`].
pub(crate) fn cpu_time(_clock: i32) -> Option<Duration> {
    None
}

/// Tells whether a thread sleeps: not known here.
pub(crate) struct ThreadWatch;

impl ThreadWatch {
    pub(crate) fn new() -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "the Linux one keeps a file open")]
    pub(crate) fn is_asleep(&mut self, _thread: u32) -> Option<bool> {
        None
    }
}
