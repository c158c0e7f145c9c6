//! Two clocks, both read without a system call: milliseconds for deadlines, the date for answers.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The coarse clocks tick every 1 to 4 ms, which is fine for deadlines and costs a tenth.
#[cfg(target_os = "linux")]
const MONOTONIC: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: ClockId = ClockId::Monotonic;
#[cfg(target_os = "linux")]
const REALTIME: ClockId = ClockId::RealtimeCoarse;
#[cfg(not(target_os = "linux"))]
const REALTIME: ClockId = ClockId::Realtime;

/// Milliseconds on a clock that never goes back.
pub(crate) type Milliseconds = u64;

/// A duration for deadlines.
pub(crate) fn milliseconds(duration: Duration) -> Milliseconds {
    duration.as_millis().try_into().unwrap_or(u64::MAX / 4)
}

/// Now, for deadlines.
pub(crate) fn now() -> Milliseconds {
    let time = clock_gettime(MONOTONIC);
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}

/// Now in microseconds, for durations in the access log.
pub(crate) fn now_microseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// Seconds since 1970 UTC.
pub(crate) fn unix_seconds() -> u64 {
    clock_gettime(REALTIME).tv_sec as u64
}

/// Microseconds since 1970 UTC, for comparing with the clocks of others.
pub(crate) fn unix_microseconds() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// The Date field's value, written again only when the second changes.
#[derive(Debug)]
pub(crate) struct Date {
    second: u64,
    text: [u8; 29],
}

impl Date {
    pub(crate) fn new() -> Self {
        let second = unix_seconds();
        Self { second, text: trivet_http::response::imf_fixdate(second) }
    }

    pub(crate) fn text(&mut self) -> &[u8; 29] {
        let second = unix_seconds();
        if second != self.second {
            *self = Self { second, text: trivet_http::response::imf_fixdate(second) };
        }
        &self.text
    }
}
