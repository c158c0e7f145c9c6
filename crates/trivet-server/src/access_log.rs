//! One line for each request, written in batches by whoever is about to wait, never by Python.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags};

use crate::stats::{Stats, add};

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// The combined format of Apache and nginx, with the duration at the end.
    Text,
    /// One JSON object a line.
    Json,
    /// `name=value` pairs.
    Logfmt,
}

/// What a line tells.
pub(crate) struct Entry<'a> {
    pub(crate) address: &'a dyn std::fmt::Display,
    pub(crate) unix_seconds: u64,
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) protocol: &'static str,
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) referer: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) microseconds: u64,
}

/// Lines of one thread that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
}

/// Lines are handed on at this size even when the thread does not come to rest.
const BATCH_BYTES: usize = 16 * 1024;
/// What a log reader that has stopped reading may cost in memory before lines are dropped.
const BACKLOG_BYTES: usize = 1024 * 1024;
/// A pipe that poll(2) calls writable takes so much without blocking (PIPE_BUF, pipe(7)).
const PIPE_WRITE_BYTES: usize = 4096;

impl Lines {
    pub(crate) fn add(&mut self, format: LogFormat, entry: &Entry<'_>) {
        match format {
            LogFormat::Text => text_line(&mut self.bytes, entry),
            LogFormat::Json => json_line(&mut self.bytes, entry),
            LogFormat::Logfmt => logfmt_line(&mut self.bytes, entry),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The end of the log that all threads share.
pub(crate) struct Sink {
    output: File,
    may_block: bool,
    backlog: Mutex<Vec<u8>>,
}

impl Sink {
    /// Standard output, whatever it is.
    pub(crate) fn standard_output() -> io::Result<Self> {
        let output = own_standard_output()?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&output)?.st_mode);
        let may_block = kind != FileType::RegularFile;
        Ok(Self { output, may_block, backlog: Mutex::new(Vec::new()) })
    }

    /// Writes what can be written without waiting for the reader, and keeps or drops the rest.
    pub(crate) fn write(&self, lines: &mut Lines, stats: &Stats) {
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        if backlog.len() > BACKLOG_BYTES {
            let lost = lines.bytes.iter().filter(|&&byte| byte == b'\n').count();
            add(&stats.log_lines_lost, lost as u64);
        } else if backlog.is_empty() {
            std::mem::swap(&mut *backlog, &mut lines.bytes);
        } else {
            backlog.extend_from_slice(&lines.bytes);
        }
        lines.bytes.clear();
        let written = self.write_some(&backlog, None);
        backlog.drain(..written);
        if backlog.is_empty() && lines.bytes.capacity() == 0 {
            // The thread gets the buffer back, so that the next batch allocates nothing.
            std::mem::swap(&mut *backlog, &mut lines.bytes);
        }
    }

    /// Waits a little for a slow reader; for the end of the process.
    pub(crate) fn finish(&self) {
        let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.write_some(&backlog, Some(Duration::from_secs(1)));
        backlog.drain(..written);
    }

    fn write_some(&self, bytes: &[u8], patience: Option<Duration>) -> usize {
        let mut written = 0;
        let until = patience.map(|patience| Instant::now() + patience);
        while written < bytes.len() {
            let piece = if self.may_block {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                if !self.takes_more(left.unwrap_or(Duration::ZERO)) {
                    break;
                }
                whole_lines(&bytes[written..], PIPE_WRITE_BYTES)
            } else {
                &bytes[written..]
            };
            match (&self.output).write(piece) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Nobody reads the log any more; serving goes on.
                Err(_) => return bytes.len(),
            }
        }
        written
    }

    fn takes_more(&self, patience: Duration) -> bool {
        let timeout = Timespec {
            tv_sec: patience.as_secs() as i64,
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        let mut polled = [PollFd::new(&self.output, PollFlags::OUT)];
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

fn text_line(out: &mut Vec<u8>, entry: &Entry<'_>) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{} - - [", entry.address);
    write_log_date(out, entry.unix_seconds);
    out.extend_from_slice(b"] \"");
    write_escaped(out, entry.method, false);
    out.push(b' ');
    write_escaped(out, entry.target, false);
    let _ = write!(out, " {}\" {} {} \"", entry.protocol, entry.status, entry.bytes);
    write_escaped(out, entry.referer.unwrap_or(b"-"), false);
    out.extend_from_slice(b"\" \"");
    write_escaped(out, entry.user_agent.unwrap_or(b"-"), false);
    let _ = writeln!(out, "\" {}.{:03}ms", entry.microseconds / 1000, entry.microseconds % 1000);
}

fn json_line(out: &mut Vec<u8>, entry: &Entry<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    write_iso_date(out, entry.unix_seconds);
    let _ = write!(out, "\",\"event\":\"request\",\"client\":\"{}\",\"method\":\"", entry.address);
    write_escaped(out, entry.method, true);
    out.extend_from_slice(b"\",\"target\":\"");
    write_escaped(out, entry.target, true);
    let _ = write!(
        out,
        "\",\"protocol\":\"{}\",\"status\":{},\"bytes\":{}",
        entry.protocol, entry.status, entry.bytes
    );
    for (name, value) in [("referer", entry.referer), ("user_agent", entry.user_agent)] {
        if let Some(value) = value {
            let _ = write!(out, ",\"{name}\":\"");
            write_escaped(out, value, true);
            out.push(b'"');
        }
    }
    let _ = writeln!(
        out,
        ",\"duration_ms\":{}.{:03}}}",
        entry.microseconds / 1000,
        entry.microseconds % 1000
    );
}

/// What a client has chosen is always between quotes, so that it can make no pairs of its own.
fn logfmt_line(out: &mut Vec<u8>, entry: &Entry<'_>) {
    out.extend_from_slice(b"time=");
    write_iso_date(out, entry.unix_seconds);
    let _ = write!(out, " level=info event=request client=\"{}\" method=\"", entry.address);
    write_escaped(out, entry.method, false);
    out.extend_from_slice(b"\" target=\"");
    write_escaped(out, entry.target, false);
    let _ =
        write!(out, "\" protocol={} status={} bytes={}", entry.protocol, entry.status, entry.bytes);
    for (name, value) in [("referer", entry.referer), ("user_agent", entry.user_agent)] {
        if let Some(value) = value {
            let _ = write!(out, " {name}=\"");
            write_escaped(out, value, false);
            out.push(b'"');
        }
    }
    let _ = writeln!(
        out,
        " duration_ms={}.{:03}",
        entry.microseconds / 1000,
        entry.microseconds % 1000
    );
}

/// Bytes of the client, with everything that could forge a line or end a string escaped.
/// JSON knows \u00XX where text logs write \xXX; both read bytes above 126 as latin-1.
pub(crate) fn write_escaped(out: &mut Vec<u8>, bytes: &[u8], json: bool) {
    let escape: &[u8] = if json { b"\\u00" } else { b"\\x" };
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => {
                out.extend_from_slice(escape);
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        }
    }
}

/// Year, month and day from the IMF date that the protocol crate computes anyway.
fn date_parts(unix_seconds: u64) -> ([u8; 29], [u8; 4], &'static [u8; 2]) {
    const MONTHS: [(&[u8; 3], &[u8; 2]); 12] = [
        (b"Jan", b"01"),
        (b"Feb", b"02"),
        (b"Mar", b"03"),
        (b"Apr", b"04"),
        (b"May", b"05"),
        (b"Jun", b"06"),
        (b"Jul", b"07"),
        (b"Aug", b"08"),
        (b"Sep", b"09"),
        (b"Oct", b"10"),
        (b"Nov", b"11"),
        (b"Dec", b"12"),
    ];
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    let date = trivet_http::response::imf_fixdate(unix_seconds);
    let year = [date[12], date[13], date[14], date[15]];
    let month = MONTHS.iter().find(|(name, _)| date[8..11] == name[..]).map_or(b"00", |row| row.1);
    (date, year, month)
}

/// "06/Nov/1994:08:49:37 +0000", as in every combined log.
fn write_log_date(out: &mut Vec<u8>, unix_seconds: u64) {
    let (date, year, _) = date_parts(unix_seconds);
    for piece in [&date[5..7], b"/", &date[8..11], b"/", &year, b":", &date[17..25], b" +0000"] {
        out.extend_from_slice(piece);
    }
}

/// "1994-11-06T08:49:37Z" (RFC 3339).
fn write_iso_date(out: &mut Vec<u8>, unix_seconds: u64) {
    let (date, year, month) = date_parts(unix_seconds);
    for piece in [&year[..], b"-", month, b"-", &date[5..7], b"T", &date[17..25], b"Z"] {
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(target: &'a [u8], agent: &'a [u8]) -> Entry<'a> {
        Entry {
            address: &"127.0.0.1",
            unix_seconds: 784_111_777,
            method: b"GET",
            target,
            protocol: "HTTP/1.1",
            status: 200,
            bytes: 13,
            referer: None,
            user_agent: Some(agent),
            microseconds: 1234,
        }
    }

    fn line(format: LogFormat, entry: &Entry<'_>) -> String {
        let mut lines = Lines::default();
        lines.add(format, entry);
        String::from_utf8(lines.bytes).unwrap()
    }

    #[test]
    fn a_text_line_is_in_the_combined_format() {
        assert_eq!(
            line(LogFormat::Text, &entry(b"/", b"curl/8")),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 13 \"-\" \"curl/8\" 1.234ms\n"
        );
    }

    #[test]
    fn a_json_line_is_one_object() {
        assert_eq!(
            line(LogFormat::Json, &entry(b"/", b"curl/8")),
            "{\"time\":\"1994-11-06T08:49:37Z\",\"event\":\"request\",\"client\":\"127.0.0.1\",\
             \"method\":\"GET\",\"target\":\"/\",\"protocol\":\"HTTP/1.1\",\"status\":200,\
             \"bytes\":13,\"user_agent\":\"curl/8\",\"duration_ms\":1.234}\n"
        );
    }

    #[test]
    fn a_logfmt_line_has_what_clients_choose_between_quotes() {
        assert_eq!(
            line(LogFormat::Logfmt, &entry(b"/a b=c", b"x\" status=500\n")),
            "time=1994-11-06T08:49:37Z level=info event=request client=\"127.0.0.1\" method=\"GET\" \
             target=\"/a b=c\" protocol=HTTP/1.1 status=200 bytes=13 \
             user_agent=\"x\\\" status=500\\x0a\" duration_ms=1.234\n"
        );
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let line = line(LogFormat::Text, &entry(b"/", b"x\"\r\n\x1b[2J\xff\\"));
        assert!(line.contains("\"x\\\"\\x0d\\x0a\\x1b[2J\\xff\\\\\""), "{line}");
    }

    /// What a reader of either format makes of the text between two quotes.
    fn unescaped(mut text: &str, escape: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(first) = text.chars().next() {
            if let Some(rest) = text.strip_prefix(escape) {
                bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                text = &rest[2..];
                continue;
            }
            let rest = text.strip_prefix('\\').unwrap_or(text);
            assert!(rest.len() < text.len() || first != '"', "{text}");
            bytes.push(rest.as_bytes()[0]);
            text = &rest[1..];
        }
        bytes
    }

    #[test]
    fn any_bytes_come_back_from_a_line_of_printable_ascii() {
        let mut state = 0x6c6f_6700_u64;
        let mut random = |below: usize| {
            // xorshift64 (Marsaglia, "Xorshift RNGs", 2003)
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for round in 0..20_000 {
            let length = random(12);
            let special = b"\"\\\r\n\0\x1bnux0{}";
            let bytes: Vec<u8> = (0..length)
                .map(|_| match random(2) {
                    0 => special[random(special.len())],
                    _ => random(256) as u8,
                })
                .collect();
            let (format, escape, before, after) = match round % 2 {
                0 => (LogFormat::Text, "\\x", "\"-\" \"", "\" 1.234ms\n"),
                _ => (LogFormat::Json, "\\u00", "\"user_agent\":\"", "\",\"duration_ms\""),
            };
            let line = line(format, &Entry { method: &bytes, ..entry(&bytes, &bytes) });
            let (text, end) = line.split_at(line.len() - 1);
            assert!(
                end == "\n" && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}"
            );
            let shown = line.split_once(before).and_then(|(_, rest)| rest.rsplit_once(after));
            assert_eq!(unescaped(shown.unwrap().0, escape), bytes, "{line}");
        }
    }

    #[test]
    fn a_batch_is_cut_between_lines() {
        assert_eq!(whole_lines(b"one\ntwo\nthree\n", 9), b"one\ntwo\n");
    }
}
