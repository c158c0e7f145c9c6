//! Linux: epoll, sendfile, and the state of a thread from /proc.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketFlags};
use rustix::pipe::{PipeFlags, pipe_with};

/// Events taken from the kernel with one call.
const EVENTS_PER_WAIT: usize = 128;

/// Events say that the client has shut down its side.
pub(crate) const TELLS_OF_CLOSING: bool = true;

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// What was given when the socket was added.
    pub(crate) key: u64,
    /// The client has shut down its side, or the connection is broken.
    pub(crate) closed: bool,
}

/// One epoll instance with a wake-up.
pub(crate) struct Poller {
    epoll: OwnedFd,
    wake: OwnedFd,
    events: Events,
}

/// The kernel's structures, which could hold a pointer but hold our numbers.
struct Events(Vec<epoll::Event>);

// SAFETY: what keeps `epoll::Event` from being `Send` is that its data may be a pointer; every
// registration here is made with `EventData::new_u64`.
unsafe impl Send for Events {}

impl Poller {
    /// The key that a wake-up comes with.
    const WAKE: u64 = u64::MAX;

    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wake, EventData::new_u64(Self::WAKE), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, wake, events: Events(Vec::with_capacity(EVENTS_PER_WAIT)) })
    }

    /// A second handle, for waking and forgetting from other threads.
    pub(crate) fn handle(&self) -> io::Result<Waker> {
        Ok(Waker { epoll: self.epoll.try_clone()?, wake: self.wake.try_clone()? })
    }

    /// Watches a listening socket: level-triggered, and of several processes only one is woken.
    pub(crate) fn add_listener(&self, socket: impl AsFd, key: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key), flags)?)
    }

    pub(crate) fn remove(&self, socket: impl AsFd) {
        // The socket may not be watched at the moment, which is what is wanted.
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Watches a connection for its whole life with one registration: edge-triggered.
    pub(crate) fn add_connection(&self, socket: impl AsFd, key: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key), flags)?)
    }

    /// From now on also for room to write.
    pub(crate) fn watch_writable(&self, socket: impl AsFd, key: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(key), flags)?)
    }

    /// Waits at most `timeout` (`None`: for ever) and appends what is ready.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut each: impl FnMut(Ready),
    ) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        let events = &mut self.events.0;
        events.clear();
        let spare = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        }
        for event in events.iter() {
            let key = event.data.u64();
            if key == Self::WAKE {
                // The counter is left as it is: edge-triggered, each write is an event of its own.
                continue;
            }
            // Copied out: the kernel's structure is packed.
            let flags = event.flags;
            let closed = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            each(Ready { key, closed });
        }
        Ok(events.len())
    }
}

/// Wakes a poller, and takes sockets from it, from any thread.
pub(crate) struct Waker {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Waker {
    pub(crate) fn wake(&self) {
        // It fails only when the counter is full, and then the poller has been woken already.
        if rustix::io::write(&self.wake, &1u64.to_ne_bytes()) == Err(Errno::AGAIN) {
            let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }

    /// Stops watching a socket that lives on in other hands.
    pub(crate) fn forget(&self, socket: impl AsFd) {
        // It was watched from its first moment; if the kernel disagrees there is nothing to undo.
        let _ = epoll::delete(&self.epoll, socket);
    }
}

/// A pipe that neither blocks nor is inherited.
pub(crate) fn news_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// Takes one connection off a listening socket.
pub(crate) fn accept(listener: impl AsFd) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
    rustix::net::acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
}

/// Sends a part of a file without copying it through this process.
pub(crate) fn send_file(
    socket: BorrowedFd<'_>,
    file: impl AsFd,
    offset: &u64,
    length: u64,
) -> Result<usize, Errno> {
    let mut position = *offset;
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(1024 * 1024);
    rustix::fs::sendfile(socket, file, Some(&mut position), length)
}

/// Bytes in the socket's send queue that the other side has not acknowledged (tcp(7), SIOCOUTQ).
pub(crate) fn unacknowledged(socket: impl AsFd) -> i64 {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open, and the kernel writes one int, which is there.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 { i64::from(bytes) } else { 0 }
}

/// Lets the allocator keep few arenas. By default there are up to eight for each CPU, and what is
/// used in one of them by threads that have ended is not used again by others: after 500 stalled
/// bodies 4.5 MB stayed, and 1.5 MB with two. Threads that share the interpreter's lock seldom
/// allocate at the same time. Whoever has set MALLOC_ARENA_MAX knows better.
pub(crate) fn bound_arenas() {
    #[cfg(target_env = "gnu")]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: it takes two numbers and may be called at any time (mallopt(3)).
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
    }
}

/// Gives the system what the allocator keeps of memory that is free. Takes milliseconds.
pub(crate) fn give_memory_back() {
    // SAFETY: it may be called at any time on any thread (malloc_trim(3)).
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The number of this thread in /proc.
pub(crate) fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

/// How often this thread has gone to sleep by itself.
pub(crate) fn voluntary_switches() -> u64 {
    // SAFETY: `rusage` is plain data for which all zero bytes are a value; the call only writes it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage
    };
    usage.ru_nvcsw.cast_unsigned()
}

/// The clock of this thread's CPU time, which any thread of the process may read.
pub(crate) fn cpu_clock() -> Option<i32> {
    let mut clock = 0;
    // SAFETY: this thread exists, and the call only writes the number.
    let failed = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
    (failed == 0).then_some(clock)
}

/// What such a clock says; `None` when its thread has ended.
pub(crate) fn cpu_time(clock: i32) -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only writes `time`; a clock that is none is refused.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    (failed == 0).then(|| Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// Tells whether a thread of this process sleeps, through an open /proc file.
pub(crate) struct ThreadWatch {
    thread: u32,
    stat: Option<File>,
}

impl ThreadWatch {
    pub(crate) fn new() -> Self {
        Self { thread: 0, stat: None }
    }

    /// Whether the thread sleeps: `None` where /proc does not tell (hidepid, another container).
    pub(crate) fn is_asleep(&mut self, thread: u32) -> Option<bool> {
        if self.thread != thread || self.stat.is_none() {
            self.stat = File::open(format!("/proc/self/task/{thread}/stat")).ok();
            self.thread = thread;
        }
        let mut text = [0u8; 128];
        let length = self.stat.as_ref()?.read_at(&mut text, 0).ok()?;
        // "123 (name) S 1 …": the name may itself contain parentheses (proc(5)).
        let after_name = text[..length].iter().rposition(|&byte| byte == b')')? + 2;
        Some(matches!(text.get(after_name)?, b'S' | b'D'))
    }
}
