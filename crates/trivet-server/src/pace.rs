//! Whether the other end of a connection is too slow: times and bytes in, a verdict out; no clock, no
//! socket.

use crate::clock::Milliseconds;

/// How often a wait is looked at before its patience ends, so that it ends not much later.
const LOOKS: Milliseconds = 16;

/// What is asked of a client that must send or take bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// The longest time without any progress; also the stretch over which the rate is taken.
    pub(crate) patience: Milliseconds,
    /// The least bytes in a second; zero asks for none.
    pub(crate) rate: u64,
}

impl Demand {
    /// What must have moved in so much time.
    pub(crate) fn least(self, time: Milliseconds) -> u64 {
        self.rate.saturating_mul(time) / 1000
    }

    /// The time that so many bytes buy, at the least rate.
    pub(crate) fn time_for(self, bytes: usize) -> Milliseconds {
        (bytes as u64).saturating_mul(1000).checked_div(self.rate).unwrap_or(Milliseconds::MAX / 2)
    }

    /// The time from one look to the next.
    pub(crate) fn interval(self) -> Milliseconds {
        (self.patience / LOOKS).max(1)
    }
}

/// The progress of one wait. The rate is that of each stretch by itself: a client that was fast at
/// first has bought nothing with it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    stretch_began: Milliseconds,
    moved_before: i64,
    moved: i64,
    progressed: Milliseconds,
}

impl Pace {
    /// `moved` counts bytes from anywhere, as long as later calls count from there, too.
    pub(crate) fn begin(now: Milliseconds, moved: i64) -> Self {
        Self { stretch_began: now, moved_before: moved, moved, progressed: now }
    }

    /// Whether the wait is over because the other end has not done its part.
    pub(crate) fn is_too_slow(&mut self, now: Milliseconds, moved: i64, demand: Demand) -> bool {
        if moved > self.moved {
            self.moved = moved;
            self.progressed = now;
        }
        if now.saturating_sub(self.progressed) >= demand.patience {
            return true;
        }
        let time = now.saturating_sub(self.stretch_began);
        if time < demand.patience {
            return false;
        }
        let moved = u64::try_from(self.moved - self.moved_before).unwrap_or(0);
        self.stretch_began = now;
        self.moved_before = self.moved;
        moved < demand.least(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMAND: Demand = Demand { patience: 30_000, rate: 100 };

    /// The millisecond in which a client is given up that moves what `moved` says, looked at every
    /// two seconds for five minutes.
    fn given_up(demand: Demand, moved: impl Fn(Milliseconds) -> i64) -> Option<Milliseconds> {
        let mut pace = Pace::begin(0, moved(0));
        (0..=300_000).step_by(2_000).find(|&now| pace.is_too_slow(now, moved(now), demand))
    }

    #[test]
    fn silence_ends_when_patience_does() {
        assert_eq!(given_up(DEMAND, |_| 0), Some(30_000));
        assert_eq!(given_up(DEMAND, |now| (now.min(10_000) * 10) as i64), Some(40_000));
    }

    #[test]
    fn a_byte_each_twenty_seconds_is_not_enough() {
        assert_eq!(given_up(DEMAND, |now| (now / 20_000) as i64), Some(30_000));
    }

    #[test]
    fn a_fast_beginning_buys_no_time() {
        assert_eq!(given_up(DEMAND, |now| 1_000_000 + (now / 1000) as i64), Some(30_000));
        let late = |now: u64| if now < 20_000 { 0 } else { 1_000_000 + (now / 1000) as i64 };
        assert_eq!(given_up(DEMAND, late), Some(60_000));
    }

    #[test]
    fn a_slow_line_with_pauses_is_left_alone() {
        // A kilobyte a second, and nothing for 20 of each 40 seconds.
        let moved = |now: u64| ((now / 40_000) * 20_000 + (now % 40_000).min(20_000)) as i64;
        assert_eq!(given_up(DEMAND, moved), None);
    }

    #[test]
    fn without_a_rate_only_silence_counts() {
        let demand = Demand { rate: 0, ..DEMAND };
        assert_eq!(given_up(demand, |now| (now / 20_000) as i64), None);
        assert_eq!(given_up(demand, |_| 5), Some(30_000));
    }

    #[test]
    fn bytes_buy_time_at_the_least_rate() {
        assert_eq!(DEMAND.time_for(50), 500);
        assert!(Demand { rate: 0, ..DEMAND }.time_for(1) > 1 << 60);
    }
}
