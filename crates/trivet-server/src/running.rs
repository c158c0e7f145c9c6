//! What a thread runs now, as others may see it; what they do about it is in `overdue`.
//!
//! Written by the thread with plain stores, because it belongs to every request. Read by whoever
//! holds the claim: only then do socket, method and target stay where they are.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize};
use std::time::Duration;

use crate::request_id::RequestIds;

use trivet_http::Head;

use crate::claim::Claim;
use crate::clock::Milliseconds;
use crate::system;

/// Bytes in the buffer of the thread that has the request.
#[derive(Debug)]
struct Place {
    start: AtomicPtr<u8>,
    length: AtomicUsize,
}

impl Place {
    fn new() -> Self {
        Self { start: AtomicPtr::new(ptr::null_mut()), length: AtomicUsize::new(0) }
    }

    fn note(&self, bytes: &[u8]) {
        self.start.store(bytes.as_ptr().cast_mut(), Relaxed);
        self.length.store(bytes.len(), Relaxed);
    }

    fn forget(&self) {
        self.start.store(ptr::null_mut(), Relaxed);
    }

    fn is_known(&self) -> bool {
        !self.start.load(Relaxed).is_null()
    }

    /// A copy of the first bytes.
    ///
    /// # Safety
    /// The caller holds the claim of a request for which `note` was called.
    unsafe fn copy(&self, most: usize) -> Vec<u8> {
        let (start, length) = (self.start.load(Relaxed), self.length.load(Relaxed).min(most));
        // SAFETY: `note` was given a live slice of the reader's buffer, which nobody changes or
        // moves before the request is over, and that cannot happen while the claim is held.
        unsafe { std::slice::from_raw_parts(start, length) }.to_vec()
    }
}

/// One thread's request.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) claim: Claim,
    /// What the thread is called by whoever asked for it.
    pub(crate) thread: AtomicU64,
    /// The clock of its CPU time; zero where there is none.
    cpu_clock: AtomicI32,
    /// Counts the thread's requests.
    pub(crate) serial: AtomicU64,
    pub(crate) began: AtomicU64,
    /// Since when the application has been silent; what it has waited for its client does not count.
    pub(crate) silent_since: AtomicU64,
    pub(crate) head_is_out: AtomicBool,
    pub(crate) is_head: AtomicBool,
    socket: AtomicI32,
    method: Place,
    target: Place,
    /// The id that a trusted proxy has given, if one has.
    told_id: Place,
    ids: RequestIds,
    /// For the watch alone: the request that it has called slow, when it spoke for one, and the one
    /// whose thread it has called lost.
    pub(crate) told_slow: AtomicU64,
    pub(crate) spoken_at: AtomicU64,
    pub(crate) told_lost: AtomicU64,
}

/// The longest target that is told of; longer ones say no more about which view it was.
const MOST_TARGET_BYTES: usize = 2048;

impl Running {
    pub(crate) fn new() -> Self {
        Self {
            claim: Claim::new(),
            thread: AtomicU64::new(0),
            cpu_clock: AtomicI32::new(0),
            serial: AtomicU64::new(0),
            began: AtomicU64::new(0),
            silent_since: AtomicU64::new(0),
            head_is_out: AtomicBool::new(false),
            is_head: AtomicBool::new(false),
            socket: AtomicI32::new(-1),
            method: Place::new(),
            target: Place::new(),
            told_id: Place::new(),
            ids: RequestIds::new(),
            told_slow: AtomicU64::new(0),
            spoken_at: AtomicU64::new(0),
            told_lost: AtomicU64::new(0),
        }
    }

    /// For the thread: what it is called.
    pub(crate) fn called(&self, thread: u64) {
        self.thread.store(thread, Relaxed);
        self.cpu_clock.store(system::cpu_clock().unwrap_or(0), Relaxed);
    }

    /// How long the thread has been on a CPU, where that is known.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        Some(self.cpu_clock.load(Relaxed)).filter(|clock| *clock != 0).and_then(system::cpu_time)
    }

    /// For the thread: a request begins. Its claim must be closed.
    pub(crate) fn begin(
        &self,
        now: Milliseconds,
        socket: &OwnedFd,
        head: &Head,
        buffer: &[u8],
        told_id: Option<&[u8]>,
    ) {
        // Only this thread writes, so it needs no atomic addition.
        self.serial.store(self.serial.load(Relaxed) + 1, Relaxed);
        self.began.store(now, Relaxed);
        self.silent_since.store(now, Relaxed);
        self.head_is_out.store(false, Relaxed);
        self.socket.store(socket.as_raw_fd(), Relaxed);
        let method = head.method.of(buffer);
        self.is_head.store(method == b"HEAD", Relaxed);
        self.method.note(method);
        self.target.note(head.target.of(buffer));
        match told_id {
            None => self.told_id.forget(),
            Some(id) => self.told_id.note(id),
        }
        self.claim.open();
    }

    /// The client's socket.
    ///
    /// # Safety
    /// The caller holds the claim for as long as it uses the socket.
    pub(crate) unsafe fn socket(&self) -> BorrowedFd<'_> {
        // SAFETY: the thread has noted the socket of its connection, and cannot close it while the
        // claim is held.
        unsafe { BorrowedFd::borrow_raw(self.socket.load(Relaxed)) }
    }

    /// Appends the id of the request: the one that a trusted proxy has given, or one made here.
    ///
    /// # Safety
    /// The caller holds the claim, or is the thread of the request.
    pub(crate) unsafe fn write_request_id(&self, out: &mut Vec<u8>) {
        if self.told_id.is_known() {
            // SAFETY: as the caller says; the thread itself does not change its buffer while its
            // request lasts.
            out.extend_from_slice(&unsafe { self.told_id.copy(usize::MAX) });
        } else {
            self.ids.write(self.serial.load(Relaxed), out);
        }
    }

    /// Method and target.
    ///
    /// # Safety
    /// The caller holds the claim.
    pub(crate) unsafe fn request(&self) -> (Vec<u8>, Vec<u8>) {
        // SAFETY: as the caller says.
        unsafe { (self.method.copy(32), self.target.copy(MOST_TARGET_BYTES)) }
    }
}
