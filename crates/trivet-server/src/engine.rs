//! The engine of one process: what all its threads share, its monitor, and its start and stop.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use trivet_http::{Rejection, error};

use crate::access_log::{LogFormat, Sink};
use crate::application::Application;
use crate::board::RoutesGuard;
use crate::clock::{self, Milliseconds};
use crate::config::{Config, Listener};
use crate::exchange::Exchange;
use crate::hand_over::HandedOver;
use crate::hub::{Hub, Reader};
use crate::overdue::{Alarm, LateRequest, Overdue, Watch};
use crate::scheduler::{Scheduler, Woken};
use crate::stats::{SharedMemory, Snapshot, Stats, count};
use crate::system::{self, Poller, ThreadWatch, Waker};
use crate::token::{Look, Ticket};

/// What the process that runs the engine must know or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// So many application threads should be started.
    ThreadsWanted(usize),
    /// A graceful stop has taken the last connection from the listening sockets.
    StoppedAccepting,
    /// A graceful stop or a hand-over has no connection left.
    Drained,
    /// Connections wait for [`Engine::take_handed_over`].
    HandedOver,
    /// For the first time, a client spoke TLS or HTTP/2 to a port that speaks neither; the name of
    /// the rejection.
    OtherProtocol(&'static str),
    /// A crowd of connections has gone: what was needed for it can be freed, and then
    /// [`Engine::give_memory_back`] gives it to the system.
    CrowdGone,
}

/// What the holder of the token is told to do, as bits.
pub(crate) mod orders {
    /// Answer everything, keep nothing.
    pub(crate) const DRAIN: u8 = 1;
    /// Answer what has begun, give every other connection away.
    pub(crate) const HAND_OVER: u8 = 2;
    /// Take in connections of another process; the only one that comes more than once.
    pub(crate) const ADOPT: u8 = 4;
}

/// A process that has not asked for news for so long leaves new connections to others.
const DEAF: Milliseconds = 100;

/// Rejections that tell of a mistake in somebody's configuration, where the log should say so.
const OTHER_PROTOCOLS: [Rejection; 2] = [error::TLS_ON_PLAIN_PORT, error::HTTP2_PREFACE];
/// Beside the bit that says that it was met: the process has been told.
const TOLD_OF_PROTOCOL: u8 = 1 << 4;
/// A number of requests that no process reaches.
const NEVER: u64 = u64::MAX;

/// What all threads of one engine share.
pub(crate) struct Shared<A: Application> {
    pub(crate) config: Config,
    pub(crate) scheduler: Scheduler<A>,
    pub(crate) stats: Stats,
    pub(crate) waker: Waker,
    pub(crate) overdue: Overdue,
    pub(crate) routes: RoutesGuard,
    sink: Option<Sink>,
    orders: AtomicU8,
    not_ready: AtomicBool,
    /// On the way out, and on the way in.
    handed_over: Mutex<Vec<HandedOver>>,
    adopted: Mutex<Vec<HandedOver>>,
    threads_wanted: AtomicUsize,
    stopped_accepting: AtomicBool,
    crowd_gone: AtomicBool,
    drained: AtomicBool,
    /// Since when there is news that the process has not asked for; zero: there is none.
    unheard_since: AtomicU64,
    /// One bit for each of `OTHER_PROTOCOLS`, and its `TOLD_OF_PROTOCOL`.
    other_protocols: AtomicU8,
    /// At so many answered requests the process that runs the engine is told; `NEVER` tells nobody.
    tell_at: AtomicU64,
    /// One byte in this pipe means: there are events.
    news: OwnedFd,
}

impl<A: Application> Shared<A> {
    pub(crate) fn access_log(&self) -> Option<(&LogFormat, &Sink)> {
        Some((self.config.access_log.as_ref()?, self.sink.as_ref()?))
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.orders.load(Ordering::Relaxed) & orders::DRAIN != 0
    }

    /// Whether connections that become idle must be looked at.
    pub(crate) fn is_ending(&self) -> bool {
        self.orders.load(Ordering::Relaxed) & (orders::DRAIN | orders::HAND_OVER) != 0
    }

    /// Whether new requests are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.not_ready.load(Ordering::Relaxed) && !self.is_draining()
    }

    /// Whether the holder of the token has something to do that no socket tells.
    pub(crate) fn has_orders(&self, obeyed: u8) -> bool {
        self.orders.load(Ordering::SeqCst) & !obeyed != 0
    }

    /// What is to be done, beyond what was; connections that came in are named by the bit alone.
    pub(crate) fn take_orders(&self, obeyed: u8) -> u8 {
        self.orders.fetch_and(!orders::ADOPT, Ordering::SeqCst) & !obeyed
    }

    pub(crate) fn hand_over(&self, connection: HandedOver) {
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        self.tell();
    }

    pub(crate) fn take_adopted(&self) -> Vec<HandedOver> {
        std::mem::take(&mut self.adopted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes the holder of the token if it waits in the kernel.
    pub(crate) fn wake_poller(&self) {
        if self.scheduler.polling.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    pub(crate) fn want_threads(&self, wanted: usize) {
        if wanted > 0 {
            self.threads_wanted.fetch_add(wanted, Ordering::SeqCst);
            self.tell();
        }
    }

    pub(crate) fn crowd_has_gone(&self) {
        self.crowd_gone.store(true, Ordering::SeqCst);
        self.tell();
    }

    pub(crate) fn stopped_accepting(&self) {
        self.stopped_accepting.store(true, Ordering::SeqCst);
        self.tell();
    }

    pub(crate) fn drained_if(&self, nothing_left: bool) {
        if nothing_left && !self.drained.swap(true, Ordering::SeqCst) {
            self.tell();
        }
    }

    pub(crate) fn tell_of_other_protocol(&self, rejection: &Rejection) {
        let Some(index) = OTHER_PROTOCOLS.iter().position(|known| known.name == rejection.name)
        else {
            return;
        };
        // Once for each: strangers must not be able to fill the log.
        if self.other_protocols.fetch_or(1 << index, Ordering::SeqCst) & (1 << index) == 0 {
            self.tell();
        }
    }

    /// Counts a request that was answered; tells when somebody waits for the number.
    pub(crate) fn answered(&self) {
        let answered = self.stats.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if answered >= self.tell_at.load(Ordering::Relaxed)
            && self.tell_at.swap(NEVER, Ordering::Relaxed) != NEVER
        {
            self.tell();
        }
    }

    /// Passes the token on and asks for threads where that left none waiting.
    pub(crate) fn pass_on(&self, hub: Box<Hub<A>>) {
        self.want_threads(self.scheduler.pass_on(hub));
    }

    /// Whether the process does not ask for news, as when something holds its interpreter: then no
    /// thread can be started, and what is accepted here would only wait.
    pub(crate) fn is_deaf(&self, now: Milliseconds) -> bool {
        let since = self.unheard_since.load(Ordering::Relaxed);
        since != 0 && now > since + DEAF
    }

    /// Makes the process that runs the engine ask for events.
    pub(crate) fn tell(&self) {
        let _ = self.unheard_since.compare_exchange(
            0,
            clock::now().max(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        // A full pipe has told already; a closed one has nobody to tell.
        let _ = rustix::io::write(&self.news, &[1]);
    }
}

/// One engine. Threads of the caller serve with [`Engine::exchange`]; dropping it stops everything.
pub struct Engine<A: Application> {
    shared: Arc<Shared<A>>,
    news: OwnedFd,
    monitor: Option<JoinHandle<()>>,
    watch: Option<JoinHandle<()>>,
}

impl<A: Application> Engine<A> {
    /// Takes over listening sockets and starts the monitor; serving begins with the first thread.
    ///
    /// # Errors
    /// When the system gives no poller, pipe or thread.
    pub fn start(config: Config, listeners: Vec<Listener>) -> io::Result<Self> {
        Self::start_in(config, listeners, None)
    }

    /// The same, with the counters in memory that others may read, or in its own.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_in(
        config: Config,
        listeners: Vec<Listener>,
        memory: Option<SharedMemory>,
    ) -> io::Result<Self> {
        system::bound_arenas();
        let poller = Poller::new()?;
        let waker = poller.handle()?;
        let (news, told) = system::news_pipe()?;
        let sink = config.access_log.as_ref().map(|_| Sink::standard_output()).transpose()?;
        let shared = Arc::new(Shared {
            scheduler: Scheduler::new(config.threads),
            overdue: Overdue::new(config.timeout, config.slow),
            routes: RoutesGuard::default(),
            config,
            stats: Stats::new(memory),
            waker,
            sink,
            orders: AtomicU8::new(0),
            not_ready: AtomicBool::new(false),
            handed_over: Mutex::default(),
            adopted: Mutex::default(),
            threads_wanted: AtomicUsize::new(0),
            stopped_accepting: AtomicBool::new(false),
            crowd_gone: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            unheard_since: AtomicU64::new(0),
            other_protocols: AtomicU8::new(0),
            tell_at: AtomicU64::new(NEVER),
            news: told,
        });
        let hub = Box::new(Hub::new(Arc::clone(&shared), poller, listeners)?);
        // The monitor has the token first and passes it to the first thread that comes.
        shared.pass_on(hub);
        let monitor = Monitor::new(Arc::clone(&shared));
        let monitor = native_thread("trivet-monitor", move || monitor.run())?;
        let mut engine = Self { shared, news, monitor: Some(monitor), watch: None };
        if engine.shared.overdue.has_limits() || engine.shared.stats.board().is_some() {
            let watch = Watch::new(Arc::clone(&engine.shared));
            engine.watch = Some(native_thread("trivet-watch", move || watch.run())?);
        }
        Ok(engine)
    }

    /// For a thread that wants to run the application: `None` when it is not needed. To be called on
    /// that thread itself, whose number goes with the token.
    ///
    /// # Errors
    /// When memory for its buffers cannot be had.
    pub fn exchange(&self) -> Option<Exchange<A>> {
        let standing = self.shared.scheduler.join()?;
        count(&self.shared.stats.threads);
        Some(Exchange::new(Arc::clone(&self.shared), standing))
    }

    /// Readable when [`Engine::events`] has something.
    pub fn news(&self) -> &OwnedFd {
        &self.news
    }

    /// Makes [`Engine::news`] readable once, after `count` more requests have been answered; a later
    /// call takes the place of an earlier one.
    pub fn tell_after_requests(&self, count: u64) {
        let answered = self.shared.stats.requests.load(Ordering::Relaxed);
        self.shared.tell_at.store(answered.saturating_add(count.max(1)), Ordering::Relaxed);
    }

    /// Threads wanted since the last call, and how far a graceful stop has come. Never waits.
    pub fn events(&self) -> Vec<Event> {
        let was_deaf = self.shared.is_deaf(clock::now());
        self.shared.unheard_since.store(0, Ordering::Relaxed);
        if was_deaf {
            self.shared.wake_poller(); // it accepts again
        }
        let mut told = [0u8; 64];
        while matches!(rustix::io::read(&self.news, &mut told), Ok(64)) {}
        let mut events = Vec::new();
        let wanted = self.shared.threads_wanted.swap(0, Ordering::SeqCst);
        if wanted > 0 {
            events.push(Event::ThreadsWanted(wanted));
        }
        if self.shared.stopped_accepting.load(Ordering::SeqCst) {
            events.push(Event::StoppedAccepting);
        }
        if self.shared.drained.load(Ordering::SeqCst) {
            events.push(Event::Drained);
        }
        if !self.shared.handed_over.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            events.push(Event::HandedOver);
        }
        if self.shared.crowd_gone.swap(false, Ordering::SeqCst) {
            events.push(Event::CrowdGone);
        }
        for (index, rejection) in OTHER_PROTOCOLS.iter().enumerate() {
            let met = self.shared.other_protocols.load(Ordering::SeqCst);
            let told = TOLD_OF_PROTOCOL << index;
            if met & (1 << index) != 0 && met & told == 0 {
                self.shared.other_protocols.fetch_or(told, Ordering::SeqCst);
                events.push(Event::OtherProtocol(rejection.name));
            }
        }
        events
    }

    /// Requests that have become slow or late since the last call. Asking shows that the process can
    /// look after them, so it must be done soon after there was news.
    pub fn late_requests(&self) -> Vec<LateRequest> {
        self.shared.overdue.take_told()
    }

    /// What the threads run now.
    pub fn running(&self) -> Vec<LateRequest> {
        self.shared.overdue.all_running()
    }

    /// Does something to a thread while its request, which has timed out, lasts; false when it is
    /// over. The thread cannot begin another request meanwhile, so `act` must be short.
    pub fn while_it_lasts(&self, thread: u64, serial: u64, act: impl FnOnce()) -> bool {
        self.shared.overdue.while_it_lasts(thread, serial, act)
    }

    /// What to do when a request is late and nobody asks for it.
    pub fn set_alarm(&self, alarm: Alarm) {
        self.shared.overdue.set_alarm(alarm);
    }

    /// Writes the access log, if there is one, to this file from now on.
    ///
    /// # Errors
    /// When nothing can be known of the file.
    pub fn write_access_log_to(&self, file: OwnedFd) -> io::Result<()> {
        self.shared.access_log().map_or(Ok(()), |(_, sink)| sink.go_on_in(file))
    }

    /// Threads that were wanted could not be started.
    pub fn threads_not_started(&self, count: usize) {
        self.shared.scheduler.not_started(count);
    }

    /// Gives the system what the allocator keeps of memory that is free. Takes milliseconds.
    pub fn give_memory_back(&self) {
        system::give_memory_back();
    }

    /// Lets the check of readiness fail from now on, so that load balancers look elsewhere; nothing
    /// else changes.
    pub fn withdraw_readiness(&self) {
        self.shared.not_ready.store(true, Ordering::Relaxed);
    }

    /// Begins a graceful stop: takes what the kernel has accepted, answers everything, keeps nothing.
    pub fn drain(&self) {
        self.order(orders::DRAIN);
    }

    /// Stops accepting, and leaves to the listening sockets who waits there. Requests that have begun
    /// are answered as ever; every connection that waits for one, or whose request has been read and
    /// not begun, comes out at [`Engine::take_handed_over`], now or when its answer is sent.
    pub fn hand_over(&self) {
        self.order(orders::HAND_OVER);
    }

    /// The connections that have been given up since the last call. Never waits.
    pub fn take_handed_over(&self) -> Vec<HandedOver> {
        std::mem::take(&mut self.shared.handed_over.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves a connection that another engine has handed over.
    pub fn adopt(&self, connection: HandedOver) {
        self.shared.adopted.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        self.order(orders::ADOPT);
    }

    fn order(&self, order: u8) {
        self.shared.orders.fetch_or(order, Ordering::SeqCst);
        self.shared.waker.wake();
    }

    /// Ends everything now. Threads return from their wait; those in the application when it returns.
    pub fn stop(&self) {
        self.shared.scheduler.stop();
        self.shared.waker.wake();
        self.shared.overdue.stop();
        if let Some(sink) = &self.shared.sink {
            sink.finish(&self.shared.stats);
        }
    }

    /// The counters.
    pub fn stats(&self) -> Snapshot {
        self.shared.stats.snapshot()
    }
}

impl<A: Application> Drop for Engine<A> {
    fn drop(&mut self) {
        self.stop();
        for thread in [self.monitor.take(), self.watch.take()].into_iter().flatten() {
            // A panic has been printed by its own thread.
            let _ = thread.join();
        }
    }
}

/// A thread that never runs Python.
fn native_thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(256 * 1024).spawn(move || {
        // A panic that took the hub with it, or a claim, would leave a process that serves nobody,
        // and that no supervisor replaces. It has been printed.
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            std::process::abort();
        }
    })
}

/// The thread that moves the token: takes the token from threads that block in the
/// application, and holds it while all of them do.
struct Monitor<A: Application> {
    shared: Arc<Shared<A>>,
    watch: ThreadWatch,
    /// The deposit seen at the last tick, and for how many ticks.
    seen: Option<Ticket>,
    ticks: u32,
}

impl<A: Application> Monitor<A> {
    const TICK: Duration = Duration::from_millis(1);
    /// Without requests for so many ticks the monitor goes to sleep.
    const TICKS_TO_SLEEP: u32 = 20;
    /// A request that computes for so long shares the interpreter with others from then on.
    const TICKS_OF_COMPUTING: u32 = 20;
    /// Where /proc does not tell a sleeping thread from a busy one.
    const TICKS_UNKNOWN: u32 = 5;
    fn new(shared: Arc<Shared<A>>) -> Self {
        Self { shared, watch: ThreadWatch::new(), seen: None, ticks: 0 }
    }

    fn run(mut self) {
        let seat = Arc::clone(&self.shared.scheduler.monitor);
        let mut quiet_ticks = 0;
        let mut last = Look::Taken(0);
        loop {
            let timeout = (quiet_ticks < Self::TICKS_TO_SLEEP).then_some(Self::TICK);
            if timeout.is_none() && !self.may_sleep(last) {
                quiet_ticks = 0;
                continue;
            }
            let woken = seat.wait(timeout);
            self.shared.scheduler.monitor_sleeps.store(false, Ordering::Relaxed);
            match woken {
                Woken::Stop => return,
                Woken::Token(hub) => self.hold(hub),
                Woken::Poked => quiet_ticks = 0,
                Woken::TimedOut => {}
            }
            let look = self.shared.scheduler.deposited.look();
            quiet_ticks = if look == last { quiet_ticks + 1 } else { 0 };
            last = look;
            if let Look::Deposited(ticket) = look {
                quiet_ticks = 0;
                self.tick(ticket);
            } else {
                self.seen = None;
            }
        }
    }

    /// Announces the sleep first and looks again afterwards; a depositor does it the other way round.
    fn may_sleep(&self, last: Look) -> bool {
        self.shared.scheduler.monitor_sleeps.store(true, Ordering::SeqCst);
        if self.shared.scheduler.deposited.look() == last {
            return true;
        }
        self.shared.scheduler.monitor_sleeps.store(false, Ordering::Relaxed);
        false
    }

    /// The same request is still running as at the last tick: is its thread blocked?
    fn tick(&mut self, ticket: Ticket) {
        self.shared.scheduler.gathering.let_go();
        if self.seen != Some(ticket) {
            self.seen = Some(ticket);
            self.ticks = 0;
            return;
        }
        self.ticks += 1;
        let is_stuck = match self.watch.is_asleep(ticket.thread()) {
            Some(true) => true,
            Some(false) => self.ticks >= Self::TICKS_OF_COMPUTING,
            None => self.ticks >= Self::TICKS_UNKNOWN,
        };
        if !is_stuck {
            return;
        }
        if let Some(hub) = self.shared.scheduler.deposited.take(ticket) {
            count(&self.shared.stats.steals);
            // From here on nobody ticks for that thread.
            self.shared.scheduler.gathering.let_go();
            if self.shared.scheduler.observe(1, 1) {
                count(&self.shared.stats.mode_changes);
            }
            self.shared.pass_on(hub);
        }
    }

    /// Every application thread is busy: reads, times out and answers what needs no application.
    fn hold(&mut self, mut hub: Box<Hub<A>>) {
        let mut reader = Reader::new();
        loop {
            hub = match self.shared.scheduler.offer(hub) {
                Ok(()) => return,
                Err((hub, wanted)) => {
                    self.shared.want_threads(wanted);
                    hub
                }
            };
            if self.shared.scheduler.is_stopping() {
                return;
            }
            hub.gather(&mut reader);
            hub.wait_for_a_thread();
        }
    }
}
