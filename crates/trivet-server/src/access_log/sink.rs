//! Where lines of the access log go, and what becomes of them when nobody reads there.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags};

use super::Lines;
use crate::stats::{Stats, add};

/// Larger buffers, such as for the lines of thousands of clients that time out at once, are not kept.
const KEPT_BYTES: usize = 64 * 1024;
/// What a log reader that has stopped reading may cost in memory before lines are dropped.
const BACKLOG_BYTES: usize = 1024 * 1024;
/// A pipe that poll(2) calls writable takes so much without blocking (PIPE_BUF, pipe(7)).
const PIPE_WRITE_BYTES: usize = 4096;

/// The end of the log that all threads share.
pub(crate) struct Sink {
    output: Mutex<Output>,
}

struct Output {
    file: File,
    may_block: bool,
    /// What was not taken yet.
    backlog: Vec<u8>,
}

impl Sink {
    /// Standard output, whatever it is.
    pub(crate) fn standard_output() -> io::Result<Self> {
        let file = own_standard_output()?;
        let may_block = may_block(&file)?;
        Ok(Self { output: Mutex::new(Output { file, may_block, backlog: Vec::new() }) })
    }

    /// From now on lines go to this file; those that wait go there, too.
    pub(crate) fn go_on_in(&self, file: OwnedFd) -> io::Result<()> {
        let file = File::from(file);
        let may_block = may_block(&file)?;
        let mut output = self.locked();
        output.file = file;
        output.may_block = may_block;
        Ok(())
    }

    /// Writes what can be written without waiting for the reader, and keeps or drops the rest.
    pub(crate) fn write(&self, lines: &mut Lines, stats: &Stats) {
        let mut output = self.locked();
        if output.backlog.len() > BACKLOG_BYTES {
            add(&stats.log_lines_lost, lines_in(&lines.bytes));
        } else if output.backlog.is_empty() {
            std::mem::swap(&mut output.backlog, &mut lines.bytes);
        } else {
            output.backlog.extend_from_slice(&lines.bytes);
        }
        lines.bytes.clear();
        add(&stats.log_lines_lost, output.write_some(None));
        if output.backlog.is_empty() && lines.bytes.capacity() == 0 {
            // The thread gets the buffer back, so that the next batch allocates nothing.
            std::mem::swap(&mut output.backlog, &mut lines.bytes);
        }
        for buffer in [&mut output.backlog, &mut lines.bytes] {
            if buffer.is_empty() && buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }

    /// Waits a little for a slow reader; for the end of the process.
    pub(crate) fn finish(&self, stats: &Stats) {
        add(&stats.log_lines_lost, self.locked().write_some(Some(Duration::from_secs(1))));
    }

    fn locked(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    /// Takes what was written off the backlog; returns how many lines nobody will ever see.
    fn write_some(&mut self, patience: Option<Duration>) -> u64 {
        let mut written = 0;
        let until = patience.map(|patience| Instant::now() + patience);
        while written < self.backlog.len() {
            let rest = &self.backlog[written..];
            let piece = if self.may_block {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                if !self.takes_more(left.unwrap_or(Duration::ZERO)) {
                    break;
                }
                whole_lines(rest, PIPE_WRITE_BYTES)
            } else {
                rest
            };
            match (&self.file).write(piece) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // A full disk, or nobody reads the log any more; serving goes on.
                Err(_) => {
                    let lost = lines_in(rest);
                    self.backlog.clear();
                    return lost;
                }
            }
        }
        self.backlog.drain(..written);
        0
    }

    fn takes_more(&self, patience: Duration) -> bool {
        let timeout = Timespec {
            tv_sec: patience.as_secs() as i64,
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        let mut polled = [PollFd::new(&self.file, PollFlags::OUT)];
        matches!(rustix::event::poll(&mut polled, Some(&timeout)), Ok(1))
    }
}

/// Standard output. A pipe is opened again where the system lets it be, so that it does not block:
/// between two processes that found the same pipe writable, the second write would wait. (A regular
/// file is not: a second opening would have a position of its own.)
fn own_standard_output() -> io::Result<File> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    if FileType::from_raw_mode(rustix::fs::fstat(&output)?.st_mode) != FileType::Fifo {
        return Ok(output);
    }
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let again = File::options().write(true).custom_flags(nonblocking).open("/proc/self/fd/1");
    Ok(again.unwrap_or(output))
}

/// The most whole lines that fit, so that lines of several processes do not mix.
fn whole_lines(bytes: &[u8], most: usize) -> &[u8] {
    if bytes.len() <= most {
        return bytes;
    }
    let end = bytes[..most].iter().rposition(|&byte| byte == b'\n').map_or(most, |at| at + 1);
    &bytes[..end]
}

/// Regular files never make a writer wait; poll(2) says nothing about them.
fn may_block(file: &File) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode);
    Ok(kind != FileType::RegularFile)
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_between_lines() {
        assert_eq!(whole_lines(b"one\ntwo\nthree\n", 9), b"one\ntwo\n");
    }
}
