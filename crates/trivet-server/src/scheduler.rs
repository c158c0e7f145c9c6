//! Who holds the token: threads that wait for it, and the monitor that takes it from a blocked one.
//!
//! Two ways of running an application (measured in ARCHITECTURE.md):
//! - *late*: the token lies deposited while the application runs, and its thread takes it back
//!   afterwards. No hand-over, no context switch; the monitor passes the token on when the thread
//!   has fallen asleep in the application. Right as long as views do not block.
//! - *early*: the token is passed on before the application is called. One hand-over for each
//!   request; right when most views block anyway, and for paths that have blocked before.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::application::Application;
use crate::connection::{Connection, Key};
use crate::gathering::Gathering;
use crate::hub::Hub;
use crate::predictions::Predictions;
use crate::token::TokenCell;

/// A thread's place to wait in.
pub(crate) struct Seat<A: Application> {
    inbox: Mutex<Inbox<A>>,
    changed: Condvar,
    standing: Standing,
}

/// Which threads end when there are more than are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The first, and it stays. What a thread makes when it begins lies in memory until it ends, and
    /// Python's allocator gives a megabyte back only when nothing in it lives: of the threads that a
    /// crowd has needed none must be left, so it cannot be chance which of them ends.
    Core,
    /// It has come because others were busy.
    Extra,
}

struct Inbox<A: Application> {
    token: Option<Box<Hub<A>>>,
    poked: bool,
    stop: bool,
}

/// What ended a wait.
pub(crate) enum Woken<A: Application> {
    Token(Box<Hub<A>>),
    Poked,
    TimedOut,
    Stop,
}

impl<A: Application> Seat<A> {
    pub(crate) fn new(standing: Standing) -> Arc<Self> {
        let inbox = Mutex::new(Inbox { token: None, poked: false, stop: false });
        Arc::new(Self { inbox, changed: Condvar::new(), standing })
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// Waits without the interpreter's lock for the token, a poke or the end.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Woken<A> {
        let mut inbox = locked(&self.inbox);
        loop {
            if inbox.stop {
                return Woken::Stop;
            }
            if let Some(hub) = inbox.token.take() {
                return Woken::Token(hub);
            }
            if std::mem::take(&mut inbox.poked) {
                return Woken::Poked;
            }
            match timeout {
                None => {
                    inbox = self.changed.wait(inbox).unwrap_or_else(PoisonError::into_inner);
                }
                Some(timeout) => {
                    let waited = self.changed.wait_timeout(inbox, timeout);
                    let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                    inbox = guard;
                    if result.timed_out() && inbox.token.is_none() && !inbox.stop {
                        return Woken::TimedOut;
                    }
                }
            }
        }
    }

    fn give(&self, hub: Box<Hub<A>>) {
        let mut inbox = locked(&self.inbox);
        if inbox.stop {
            // Nobody will look here again, and a hub that lies here would keep itself alive.
            drop(inbox);
            drop(hub);
            return;
        }
        inbox.token = Some(hub);
        self.changed.notify_one();
    }

    pub(crate) fn poke(&self) {
        locked(&self.inbox).poked = true;
        self.changed.notify_one();
    }

    fn stop(&self) {
        let mut inbox = locked(&self.inbox);
        inbox.stop = true;
        let left = inbox.token.take();
        self.changed.notify_one();
        drop(inbox);
        // Outside the lock: this closes every connection.
        drop(left);
    }
}

/// A connection on its way back to the hub.
pub(crate) enum Returned<A: Application> {
    Open(Box<Connection<A>>),
    Closed(Key),
}

struct Crew<A: Application> {
    /// Application threads that wait for the token; the last that came is the first that goes.
    waiting: Vec<Arc<Seat<A>>>,
    /// Application threads that exist.
    threads: usize,
    /// Whether one of them is [`Standing::Core`]. More than one would not help: the thread that waits
    /// in case that it blocks is made when that is needed, also after a crowd.
    has_core: bool,
    /// The most that have existed since extra ones were last ended.
    most_threads: usize,
    /// Extra ones have been ended, and what they leave is being given back: a thread that is made now
    /// would be made in the gaps between.
    settling: bool,
    /// Threads that were asked for and have not come yet.
    wanted: usize,
    /// Threads whose request has become a conversation of its own (WebSocket): they may go on for
    /// hours and do not count against the limit.
    conversing: usize,
    /// Threads that wait for a client, in the middle of a request.
    on_clients: usize,
    /// The monitor holds the token because every application thread is busy.
    monitor_holds: bool,
    stopping: bool,
}

/// What became of a thread that wants the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Waiting,
    /// It waits; the monitor holds the token and must be told.
    TellMonitor,
    /// Others took its place while it was away: there are as many threads as there may be.
    Surplus,
}

/// For each thread that may be busy, so many more may wait for slow clients. A thread that waits
/// costs memory and nothing else: docs/reference/limits.md has the measurement.
const WAITING_PER_THREAD: usize = 4;

/// So many threads at once leave their traces all over the memory.
const MANY_THREADS: usize = 32;

/// When the token is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Late,
    Early,
}

pub(crate) struct Scheduler<A: Application> {
    pub(crate) deposited: TokenCell<Hub<A>>,
    crew: Mutex<Crew<A>>,
    limit: usize,
    pub(crate) monitor: Arc<Seat<A>>,
    pub(crate) monitor_sleeps: AtomicBool,
    returned: Mutex<Vec<Returned<A>>>,
    any_returned: AtomicBool,
    /// The holder of the token waits in the kernel and must be woken for other news.
    pub(crate) polling: AtomicBool,
    pub(crate) predictions: Predictions,
    pub(crate) gathering: Gathering,
    early: AtomicBool,
    sampled: AtomicU32,
    blocked: AtomicU32,
}

impl<A: Application> Scheduler<A> {
    /// Requests looked at before the mode is decided anew.
    const WINDOW: u32 = 64;

    pub(crate) fn new(limit: usize) -> Self {
        Self {
            deposited: TokenCell::new(),
            crew: Mutex::new(Crew {
                waiting: Vec::new(),
                threads: 0,
                has_core: false,
                most_threads: 0,
                settling: false,
                wanted: 0,
                conversing: 0,
                on_clients: 0,
                monitor_holds: false,
                stopping: false,
            }),
            limit,
            monitor: Seat::new(Standing::Core),
            monitor_sleeps: AtomicBool::new(false),
            returned: Mutex::new(Vec::new()),
            any_returned: AtomicBool::new(false),
            polling: AtomicBool::new(false),
            predictions: Predictions::new(),
            gathering: Gathering::default(),
            early: AtomicBool::new(false),
            sampled: AtomicU32::new(0),
            blocked: AtomicU32::new(0),
        }
    }

    /// Gives the token to a waiting thread, or to the monitor; says how many threads to start.
    pub(crate) fn pass_on(&self, hub: Box<Hub<A>>) -> usize {
        let mut crew = locked(&self.crew);
        if crew.stopping {
            drop(crew);
            drop(hub);
            return 0;
        }
        let seat = crew.waiting.pop();
        let may_wait = crew.settling && seat.is_some();
        let ask = if may_wait { 0 } else { self.threads_to_ask_for(&crew) };
        crew.wanted += ask;
        if let Some(seat) = seat {
            crew.monitor_holds = false;
            drop(crew);
            seat.give(hub);
        } else {
            crew.monitor_holds = true;
            drop(crew);
            self.monitor.give(hub);
        }
        ask
    }

    /// One spare thread always waits, and while many are busy more come at once.
    fn threads_to_ask_for(&self, crew: &Crew<A>) -> usize {
        let existing = crew.threads + crew.wanted;
        if !crew.waiting.is_empty() || crew.wanted > 0 || crew.stopping {
            return 0;
        }
        (existing / 4).clamp(1, 8).min(self.allowed(crew).saturating_sub(existing))
    }

    /// How many threads there may be now. Those that talk to a client by themselves do not count,
    /// and neither do those that wait for a slow one, up to a bound that keeps memory bounded.
    fn allowed(&self, crew: &Crew<A>) -> usize {
        self.limit + crew.conversing + crew.on_clients.min(self.most_on_clients())
    }

    /// With one thread the application may rely on being alone.
    fn most_on_clients(&self) -> usize {
        if self.has_one_thread() { 0 } else { self.limit * WAITING_PER_THREAD }
    }

    /// For the monitor: passes the token on if an application thread waits, else gives it back and
    /// says how many threads to start, in case that earlier ones could not be started.
    pub(crate) fn offer(&self, hub: Box<Hub<A>>) -> Result<(), (Box<Hub<A>>, usize)> {
        let mut crew = locked(&self.crew);
        let Some(seat) = crew.waiting.pop() else {
            let ask = self.threads_to_ask_for(&crew);
            crew.wanted += ask;
            return Err((hub, ask));
        };
        crew.monitor_holds = false;
        drop(crew);
        seat.give(hub);
        Ok(())
    }

    /// A new application thread reports; none means that it is not needed any more.
    pub(crate) fn join(&self) -> Option<Standing> {
        let mut crew = locked(&self.crew);
        crew.wanted = crew.wanted.saturating_sub(1);
        if crew.stopping || crew.threads >= self.allowed(&crew) {
            return None;
        }
        crew.threads += 1;
        crew.most_threads = crew.most_threads.max(crew.threads);
        let is_first = !std::mem::replace(&mut crew.has_core, true);
        Some(if is_first { Standing::Core } else { Standing::Extra })
    }

    pub(crate) fn leave(&self, standing: Standing) {
        let mut crew = locked(&self.crew);
        crew.threads -= 1;
        if standing == Standing::Core {
            crew.has_core = false;
        }
    }

    /// Threads that were asked for but could not be started.
    pub(crate) fn not_started(&self, count: usize) {
        let mut crew = locked(&self.crew);
        crew.wanted = crew.wanted.saturating_sub(count);
    }

    pub(crate) fn conversation_begins(&self) {
        locked(&self.crew).conversing += 1;
    }

    pub(crate) fn conversation_ends(&self) {
        locked(&self.crew).conversing -= 1;
    }

    /// A thread begins to wait for its client; says how many threads to start in its place.
    pub(crate) fn client_wait_begins(&self) -> usize {
        let mut crew = locked(&self.crew);
        crew.on_clients += 1;
        // Otherwise whoever has the token asks when it is passed on.
        let ask = if crew.monitor_holds { self.threads_to_ask_for(&crew) } else { 0 };
        crew.wanted += ask;
        ask
    }

    pub(crate) fn client_wait_ends(&self) {
        locked(&self.crew).on_clients -= 1;
    }

    /// Whether fewer than half of the threads that there may be are busy.
    pub(crate) fn has_room(&self) -> bool {
        let crew = locked(&self.crew);
        let idle = crew.waiting.len() + crew.conversing;
        let on_clients = crew.on_clients.min(self.most_on_clients());
        let busy = crew.threads.saturating_sub(idle + on_clients);
        busy * 2 < self.limit && crew.on_clients < self.limit
    }

    /// Whether one more thread may come to wait for the rest of a body. Only so many may do that
    /// that there are threads left for clients that do not take their answer.
    pub(crate) fn has_room_for_slow_bodies(&self) -> bool {
        locked(&self.crew).on_clients < self.limit
    }

    #[cfg(test)]
    pub(crate) fn threads(&self) -> usize {
        locked(&self.crew).threads
    }

    /// Queues an application thread for the token.
    pub(crate) fn queue(&self, seat: &Arc<Seat<A>>) -> Queued {
        let mut crew = locked(&self.crew);
        if crew.threads > self.allowed(&crew) {
            let ends = match seat.standing {
                Standing::Extra => None,
                Standing::Core => Self::extra_that_waits(&crew),
            };
            let Some(index) = ends else { return Queued::Surplus };
            crew.waiting.remove(index).stop();
        }
        crew.waiting.push(Arc::clone(seat));
        if crew.monitor_holds { Queued::TellMonitor } else { Queued::Waiting }
    }

    fn extra_that_waits(crew: &Crew<A>) -> Option<usize> {
        crew.waiting.iter().position(|seat| seat.standing == Standing::Extra)
    }

    /// For a thread that has waited for long: true when it has been taken from those that wait, and
    /// may end. A seat that is not among them any more has the token, or is about to get it.
    pub(crate) fn retire(&self, seat: &Arc<Seat<A>>) -> bool {
        let mut crew = locked(&self.crew);
        // One waits in any case, for the one that stays may be busy.
        if seat.standing == Standing::Core || crew.waiting.len() <= 1 {
            return false;
        }
        let before = crew.waiting.len();
        crew.waiting.retain(|waiting| !Arc::ptr_eq(waiting, seat));
        crew.waiting.len() < before
    }

    /// After a crowd: ends the extra threads that wait, and says whether the holder of the token
    /// should end as well, if it is one of them. Until [`Scheduler::has_settled`] none is made only to
    /// wait. Where there were never many, nothing happens.
    pub(crate) fn end_extra_threads(&self) -> bool {
        let mut crew = locked(&self.crew);
        let most = crew.most_threads;
        crew.most_threads = crew.threads;
        if most < MANY_THREADS {
            return false;
        }
        crew.waiting.retain(|seat| {
            let stays = seat.standing == Standing::Core;
            if !stays {
                seat.stop();
            }
            stays
        });
        crew.settling = true;
        true
    }

    /// What the threads of a crowd have left has been given back.
    pub(crate) fn has_settled(&self) {
        locked(&self.crew).settling = false;
    }

    /// Ends all waiting, now and later.
    pub(crate) fn stop(&self) {
        let mut crew = locked(&self.crew);
        crew.stopping = true;
        for seat in crew.waiting.drain(..) {
            seat.stop();
        }
        drop(crew);
        self.monitor.stop();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        locked(&self.crew).stopping
    }

    /// Brings a connection back from a thread without the token.
    pub(crate) fn bring_back(&self, returned: Returned<A>) {
        locked(&self.returned).push(returned);
        self.any_returned.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_returned(&self) -> bool {
        self.any_returned.load(Ordering::SeqCst)
    }

    pub(crate) fn take_returned(&self) -> Vec<Returned<A>> {
        self.any_returned.store(false, Ordering::SeqCst);
        std::mem::take(&mut *locked(&self.returned))
    }

    /// With one thread there is nobody to pass the token on to.
    pub(crate) fn has_one_thread(&self) -> bool {
        self.limit == 1
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.early.load(Ordering::Relaxed) { Mode::Early } else { Mode::Late }
    }

    /// Takes note of how many of some requests blocked; true when that changed the mode.
    pub(crate) fn observe(&self, requests: u32, blocked: u32) -> bool {
        if self.has_one_thread() {
            return false;
        }
        let sampled = self.sampled.fetch_add(requests, Ordering::Relaxed) + requests;
        let blocked = self.blocked.fetch_add(blocked, Ordering::Relaxed) + blocked;
        if sampled < Self::WINDOW {
            return false;
        }
        self.sampled.store(0, Ordering::Relaxed);
        self.blocked.store(0, Ordering::Relaxed);
        let early = decide(self.mode(), sampled, blocked) == Mode::Early;
        self.early.swap(early, Ordering::Relaxed) != early
    }
}

/// With hysteresis: above 20 % blocked is early, below 5 % is late, between them nothing changes.
fn decide(now: Mode, sampled: u32, blocked: u32) -> Mode {
    if blocked * 5 > sampled {
        Mode::Early
    } else if blocked * 20 < sampled {
        Mode::Late
    } else {
        now
    }
}

/// A panic while the lock was held left nothing half-done: all sections are a few assignments.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::fake::{Fake, connection};

    #[test]
    fn views_that_block_release_the_token_early() {
        assert_eq!(decide(Mode::Late, 64, 64), Mode::Early);
    }

    #[test]
    fn a_few_that_block_change_nothing() {
        assert_eq!(decide(Mode::Late, 64, 6), Mode::Late);
        assert_eq!(decide(Mode::Early, 64, 6), Mode::Early);
    }

    #[test]
    fn views_that_stop_blocking_release_it_late_again() {
        assert_eq!(decide(Mode::Early, 64, 1), Mode::Late);
    }

    fn scheduler(limit: usize) -> Scheduler<Fake> {
        Scheduler::new(limit)
    }

    #[test]
    fn the_mode_follows_whole_windows_of_requests() {
        let scheduler = scheduler(4);
        assert_eq!(scheduler.mode(), Mode::Late);
        for _ in 1..Scheduler::<Fake>::WINDOW {
            assert!(!scheduler.observe(1, 1));
        }
        assert!(scheduler.observe(1, 1));
        assert_eq!(scheduler.mode(), Mode::Early);
        assert!(!scheduler.observe(64, 64), "it is early already");
        assert!(scheduler.observe(64, 0));
        assert_eq!(scheduler.mode(), Mode::Late);
    }

    #[test]
    fn threads_are_let_in_up_to_the_limit_and_until_the_stop() {
        let scheduler = scheduler(2);
        assert!(scheduler.join().is_some() && scheduler.join().is_some());
        assert!(scheduler.join().is_none());
        scheduler.leave(Standing::Core);
        assert!(scheduler.join().is_some());
        assert_eq!(scheduler.threads(), 2);
        scheduler.leave(Standing::Core);
        scheduler.stop();
        assert!(scheduler.is_stopping() && scheduler.join().is_none());
        assert_eq!(scheduler.threads(), 1);
    }

    #[test]
    fn more_threads_are_asked_for_the_more_there_are_but_never_above_the_limit() {
        let scheduler = scheduler(20);
        let mut asked = Vec::new();
        loop {
            let ask = {
                let mut crew = locked(&scheduler.crew);
                let ask = scheduler.threads_to_ask_for(&crew);
                crew.wanted += ask;
                assert_eq!(scheduler.threads_to_ask_for(&crew), 0, "they are on their way");
                ask
            };
            if ask == 0 {
                break;
            }
            asked.push(ask);
            for _ in 0..ask {
                assert!(scheduler.join().is_some());
            }
        }
        assert_eq!(scheduler.threads(), 20);
        assert!(asked.iter().all(|ask| (1..=8).contains(ask)), "{asked:?}");
        assert!(asked.is_sorted() || asked.last() < Some(&8), "{asked:?}");
    }

    #[test]
    fn a_thread_that_waits_is_reason_enough_to_ask_for_none() {
        let scheduler = scheduler(20);
        assert!(scheduler.join().is_some());
        scheduler.queue(&Seat::new(Standing::Extra));
        assert_eq!(scheduler.threads_to_ask_for(&locked(&scheduler.crew)), 0);
    }

    #[test]
    fn the_first_thread_stays_and_its_place_is_taken_when_it_ends() {
        let scheduler = scheduler(20);
        assert_eq!(scheduler.join(), Some(Standing::Core));
        assert_eq!(scheduler.join(), Some(Standing::Extra));
        scheduler.leave(Standing::Extra);
        assert_eq!(scheduler.join(), Some(Standing::Extra));
        scheduler.leave(Standing::Core);
        assert_eq!(scheduler.join(), Some(Standing::Core));
    }

    #[test]
    fn extra_threads_that_have_waited_for_long_end_but_for_the_last_that_waits() {
        let scheduler = scheduler(20);
        let seats: Vec<_> = (0..3).map(|_| Seat::new(Standing::Extra)).collect();
        for seat in &seats {
            scheduler.queue(seat);
        }
        let stranger = Seat::new(Standing::Extra);
        assert!(!scheduler.retire(&stranger), "it has been given the token meanwhile");
        assert!(scheduler.retire(&seats[0]) && !scheduler.retire(&seats[0]));
        assert!(scheduler.retire(&seats[2]));
        assert!(!scheduler.retire(&seats[1]), "the others may be busy");
        let core = Seat::new(Standing::Core);
        scheduler.queue(&core);
        assert!(!scheduler.retire(&core));
        assert!(scheduler.retire(&seats[1]));
    }

    #[test]
    fn of_too_many_threads_the_first_one_stays_in_the_place_of_another() {
        let scheduler = scheduler(1);
        let [first, other] = [Standing::Core, Standing::Extra].map(Seat::new);
        assert!(scheduler.join().is_some());
        assert_eq!(scheduler.queue(&other), Queued::Waiting);
        locked(&scheduler.crew).threads += 1;
        assert_eq!(scheduler.queue(&Seat::new(Standing::Extra)), Queued::Surplus);
        assert_eq!(scheduler.queue(&first), Queued::Waiting);
        assert!(matches!(other.wait(None), Woken::Stop));
        assert_eq!(locked(&scheduler.crew).waiting.len(), 1);
        let late = Seat::new(Standing::Core);
        assert_eq!(scheduler.queue(&late), Queued::Surplus, "there is no other to end");
    }

    #[test]
    fn the_extra_threads_that_are_left_of_many_end() {
        let scheduler = scheduler(MANY_THREADS);
        let (core, extra) = (Seat::new(Standing::Core), Seat::new(Standing::Extra));
        for seat in [&core, &extra] {
            assert!(scheduler.join().is_some());
            scheduler.queue(seat);
        }
        assert!(!scheduler.end_extra_threads(), "there were never many");
        for _ in 2..MANY_THREADS {
            assert!(scheduler.join().is_some());
        }
        for _ in 2..MANY_THREADS {
            scheduler.leave(Standing::Extra);
        }
        assert!(scheduler.end_extra_threads());
        assert!(matches!(extra.wait(None), Woken::Stop));
        assert!(matches!(core.wait(Some(Duration::from_millis(1))), Woken::TimedOut));
        assert_eq!(locked(&scheduler.crew).waiting.len(), 1);
        assert!(!scheduler.end_extra_threads(), "there have not been many since");
        assert!(locked(&scheduler.crew).settling);
        scheduler.has_settled();
        assert!(!locked(&scheduler.crew).settling);
    }

    #[test]
    fn threads_that_could_not_be_started_can_be_asked_for_again() {
        let scheduler = scheduler(20);
        locked(&scheduler.crew).wanted = 3;
        scheduler.not_started(3);
        assert_eq!(scheduler.threads_to_ask_for(&locked(&scheduler.crew)), 1);
        // More than were asked for do no harm.
        scheduler.not_started(5);
        assert_eq!(locked(&scheduler.crew).wanted, 0);
    }

    #[test]
    fn there_is_room_while_fewer_than_half_of_the_threads_are_busy() {
        let scheduler = scheduler(4);
        assert!(scheduler.has_room());
        assert!(scheduler.join().is_some());
        assert!(scheduler.has_room());
        assert!(scheduler.join().is_some());
        assert!(!scheduler.has_room());
        scheduler.queue(&Seat::new(Standing::Extra));
        assert!(scheduler.has_room());
    }

    #[test]
    fn connections_come_back_in_order_and_once() {
        let scheduler = scheduler(4);
        let keys = [Key { index: 3, generation: 0 }, Key { index: 1, generation: 9 }];
        assert!(!scheduler.has_returned());
        scheduler.bring_back(Returned::Open(connection(keys[0]).0));
        scheduler.bring_back(Returned::Closed(keys[1]));
        assert!(scheduler.has_returned());
        let returned: Vec<Key> = scheduler
            .take_returned()
            .into_iter()
            .map(|returned| match returned {
                Returned::Open(connection) => connection.key,
                Returned::Closed(key) => key,
            })
            .collect();
        assert_eq!(returned, keys);
        assert!(!scheduler.has_returned() && scheduler.take_returned().is_empty());
    }

    #[test]
    fn a_poke_is_kept_for_a_seat_that_nobody_sits_in_yet() {
        let seat = Seat::<Fake>::new(Standing::Extra);
        seat.poke();
        seat.poke();
        assert!(matches!(seat.wait(None), Woken::Poked));
        assert!(matches!(seat.wait(Some(Duration::from_millis(1))), Woken::TimedOut));
    }

    #[test]
    fn a_stop_ends_the_waits_of_those_who_queue_and_of_the_monitor_for_good() {
        let scheduler = scheduler(4);
        let seat = Seat::new(Standing::Extra);
        assert_eq!(scheduler.queue(&seat), Queued::Waiting, "nobody holds the token");
        scheduler.stop();
        for seat in [&seat, &scheduler.monitor] {
            assert!(matches!(seat.wait(None), Woken::Stop));
            assert!(matches!(seat.wait(None), Woken::Stop));
        }
    }
}
