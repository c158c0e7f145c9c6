//! The deadline of each request, kept by a native thread: it needs neither Python nor a free thread.
//!
//! The watch sleeps while no request runs, and otherwise until the next one may be late. It answers
//! with 504 in the place of a thread that is stuck, and tells the process that runs the engine, which
//! looks at the stacks and frees the thread. Where that process does not react, because something
//! holds the interpreter, the watch lets a signal handler write the stacks, and tells the supervisor.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{SendFlags, Shutdown};
use trivet_http::{error, response};

use crate::access_log::write_escaped;
use crate::application::Application;
use crate::board::Shown;
use crate::claim::Look;
use crate::clock::{self, Date, Milliseconds, milliseconds};
use crate::engine::Shared;
use crate::running::Running;
use crate::stats::count;
use crate::system;

/// A process that does not look after a request that is over within this time cannot.
const HEARING: Milliseconds = 1_000;
/// A thread may take so long to come back from a request that is over, or as long as the timeout
/// where that is shorter, before it counts as lost.
const COMING_BACK: Milliseconds = 10_000;
/// What runs is shown to other processes as it was so long ago at most.
const SHOW_EVERY: Milliseconds = 1_000;
/// A thread that was on a CPU for one part of so many of a time computes. One that waits for the
/// interpreter is for 0.25 % of it (measured), and a busy machine gives one that computes less than all.
const COMPUTING_SHARE: u32 = 20;
/// Of more requests the supervisor does not hear, nor of more bytes of their targets.
const MOST_SUSPECTS: usize = 16;
const MOST_SUSPECT_BYTES: usize = 512;
/// Stacks beyond this are cut: a line to the supervisor must fit into its socket.
const MOST_STACK_BYTES: usize = 48 * 1024;

/// Why somebody hears of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// Nobody asked: it is what runs now.
    Running,
    /// It takes long, and goes on.
    Slow,
    /// It is over for its client, who got 504.
    TimedOut,
    /// The same, but the head of an answer was out: the connection was cut.
    Cut,
    /// It is over, and its thread has not come back from the application.
    Lost,
}

/// A request that runs, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateRequest {
    /// Why this is told.
    pub lateness: Lateness,
    /// The thread, by the name that it was given.
    pub thread: u64,
    /// Which of the thread's requests.
    pub serial: u64,
    /// GET and so on.
    pub method: Vec<u8>,
    /// As the client sent it, long ones cut.
    pub target: Vec<u8>,
    /// What it is called in logs.
    pub request_id: Vec<u8>,
    /// Since it began.
    pub age: Duration,
}

/// What to do when Python cannot: see [`Engine::set_alarm`](crate::Engine::set_alarm).
#[derive(Debug)]
pub struct Alarm {
    /// A signal whose handler writes the stacks of all threads into `stacks`.
    pub signal: i32,
    /// A file; without one the handler writes wherever people read it.
    pub stacks: Option<OwnedFd>,
    /// A socket, which is sent a line: `kind`, a space, and a JSON object.
    pub link: Option<OwnedFd>,
    /// The first word of the line.
    pub kind: String,
}

/// What is to be told, and since when nobody has asked for it.
#[derive(Debug, Default)]
struct Told {
    requests: Vec<LateRequest>,
    unheard_since: Option<Milliseconds>,
    /// The CPU time of each thread at that moment.
    spent: Vec<Spent>,
    alarmed: bool,
}

/// How long a thread has been on a CPU, and which of its requests it had then.
#[derive(Debug)]
struct Spent {
    thread: u64,
    serial: u64,
    time: Duration,
}

/// A request of a process in which nothing can run, and whether its thread computes.
#[derive(Debug)]
struct Suspect {
    request: LateRequest,
    computes: bool,
}

/// All requests of one engine, and what the watch knows of them.
#[derive(Debug)]
pub(crate) struct Overdue {
    /// Milliseconds of silence after which a request is over.
    timeout: Option<Milliseconds>,
    /// Milliseconds of silence after which a request is told of.
    slow: Option<Milliseconds>,
    threads: Mutex<Vec<Arc<Running>>>,
    told: Mutex<Told>,
    alarm: Mutex<Option<Alarm>>,
    /// The watch sleeps until a request begins.
    sleeps: AtomicBool,
    /// True: stop.
    order: Mutex<Option<bool>>,
    ordered: Condvar,
}

impl Overdue {
    pub(crate) fn new(timeout: Duration, slow: Duration) -> Self {
        let limit = |limit: Duration| (!limit.is_zero()).then(|| milliseconds(limit).max(1));
        Self {
            timeout: limit(timeout),
            slow: limit(slow),
            threads: Mutex::default(),
            told: Mutex::default(),
            alarm: Mutex::default(),
            sleeps: AtomicBool::new(false),
            order: Mutex::new(None),
            ordered: Condvar::new(),
        }
    }

    /// Whether there is anything to watch.
    pub(crate) fn has_limits(&self) -> bool {
        self.timeout.is_some() || self.slow.is_some()
    }

    pub(crate) fn join(&self) -> Arc<Running> {
        let running = Arc::new(Running::new());
        locked(&self.threads).push(Arc::clone(&running));
        running
    }

    pub(crate) fn leave(&self, running: &Arc<Running>) {
        locked(&self.threads).retain(|other| !Arc::ptr_eq(other, running));
    }

    /// For a thread whose claim was just opened.
    #[inline]
    pub(crate) fn wake(&self) {
        if self.sleeps.load(SeqCst) && self.sleeps.swap(false, SeqCst) {
            self.give_order(false);
        }
    }

    pub(crate) fn stop(&self) {
        self.give_order(true);
    }

    fn give_order(&self, stop: bool) {
        let mut order = locked(&self.order);
        *order = Some(stop || *order == Some(true));
        drop(order);
        self.ordered.notify_one();
    }

    /// Sleeps; false when the watch has to end.
    fn sleep(&self, time: Option<Duration>) -> bool {
        let order = locked(&self.order);
        let mut order = match time {
            None => self.ordered.wait_while(order, |order| order.is_none()),
            Some(time) => self
                .ordered
                .wait_timeout_while(order, time, |order| order.is_none())
                .map(|(order, _)| order)
                .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        if *order == Some(true) {
            return false;
        }
        *order = None;
        true
    }

    /// What is to be told, once.
    pub(crate) fn take_told(&self) -> Vec<LateRequest> {
        let mut told = locked(&self.told);
        told.unheard_since = None;
        told.alarmed = false;
        std::mem::take(&mut told.requests)
    }

    pub(crate) fn set_alarm(&self, alarm: Alarm) {
        *locked(&self.alarm) = Some(alarm);
    }

    /// What all threads run now; requests that speak to their clients at this moment are left out.
    /// Those that are over for their clients are `TimedOut`.
    pub(crate) fn all_running(&self) -> Vec<LateRequest> {
        let now = clock::now();
        let look = |running: &Arc<Running>| {
            let look = running.claim.look();
            if !matches!(look, Look::Open | Look::Spoken) || !running.claim.hold(look) {
                return None;
            }
            let is_over = look == Look::Spoken;
            let lateness = if is_over { Lateness::TimedOut } else { Lateness::Running };
            // SAFETY: it is held.
            let request = unsafe { describe(running, lateness, now) };
            running.claim.let_go(is_over);
            Some(request)
        };
        locked(&self.threads).iter().filter_map(look).collect()
    }

    fn spent(&self) -> Vec<Spent> {
        let spent = |running: &Arc<Running>| {
            let (thread, serial) = (running.thread.load(Relaxed), running.serial.load(Relaxed));
            running.cpu_time().map(|time| Spent { thread, serial, time })
        };
        locked(&self.threads).iter().filter_map(spent).collect()
    }

    /// What runs while nothing can: first those whose threads compute, each kind longest first.
    fn suspects(&self, before: &[Spent], elapsed: Milliseconds) -> Vec<Suspect> {
        let after = self.spent();
        let of = |list: &[Spent], request: &LateRequest| {
            let is_it = |it: &&Spent| (it.thread, it.serial) == (request.thread, request.serial);
            list.iter().find(is_it).map(|it| it.time)
        };
        let computes = |request: &LateRequest| {
            let (Some(before), Some(after)) = (of(before, request), of(&after, request)) else {
                return false;
            };
            after.saturating_sub(before) * COMPUTING_SHARE >= Duration::from_millis(elapsed)
        };
        let mut suspects: Vec<Suspect> = self
            .all_running()
            .into_iter()
            .map(|request| Suspect { computes: computes(&request), request })
            .collect();
        suspects.sort_by_key(|suspect| std::cmp::Reverse((suspect.computes, suspect.request.age)));
        suspects.truncate(MOST_SUSPECTS);
        suspects
    }

    /// Does something to a thread while it is certain that its request, which is over for the client,
    /// is not over for the thread; false when it is.
    pub(crate) fn while_it_lasts(&self, thread: u64, serial: u64, act: impl FnOnce()) -> bool {
        let running = {
            let threads = locked(&self.threads);
            let found = threads.iter().find(|running| running.thread.load(Relaxed) == thread);
            found.map(Arc::clone)
        };
        let Some(running) = running.filter(|running| running.claim.hold(Look::Spoken)) else {
            return false;
        };
        let lasts = running.serial.load(Relaxed) == serial;
        if lasts {
            act();
        }
        running.claim.let_go(true);
        lasts
    }
}

/// # Safety
/// The caller holds the claim.
unsafe fn describe(running: &Running, lateness: Lateness, now: Milliseconds) -> LateRequest {
    // SAFETY: as the caller says.
    let (method, target) = unsafe { running.request() };
    let mut request_id = Vec::new();
    // SAFETY: as above.
    unsafe { running.write_request_id(&mut request_id) };
    LateRequest {
        lateness,
        thread: running.thread.load(Relaxed),
        serial: running.serial.load(Relaxed),
        method,
        target,
        request_id,
        age: Duration::from_millis(now.saturating_sub(running.began.load(Relaxed))),
    }
}

/// The native thread.
pub(crate) struct Watch<A: Application> {
    shared: Arc<Shared<A>>,
    date: Date,
    /// When what runs is shown the next time, and how much is shown.
    show_at: Milliseconds,
    shown: usize,
}

impl<A: Application> Watch<A> {
    pub(crate) fn new(shared: Arc<Shared<A>>) -> Self {
        Self { shared, date: Date::new(), show_at: 0, shown: 0 }
    }

    pub(crate) fn run(mut self) {
        loop {
            let next = self.look_at_all();
            let time = match next {
                Some(next) => Some(Duration::from_millis(next.saturating_sub(clock::now()) + 1)),
                None if self.may_sleep() => None,
                None => continue,
            };
            let goes_on = self.shared.overdue.sleep(time);
            self.shared.overdue.sleeps.store(false, Relaxed);
            if !goes_on {
                return;
            }
        }
    }

    /// Announces the sleep first and looks again afterwards; a thread does it the other way round.
    fn may_sleep(&self) -> bool {
        let overdue = &self.shared.overdue;
        overdue.sleeps.store(true, SeqCst);
        let is_idle = |running: &Arc<Running>| running.claim.look() == Look::Idle;
        let may_sleep = locked(&overdue.threads).iter().all(is_idle);
        if !may_sleep {
            overdue.sleeps.store(false, Relaxed);
        }
        may_sleep
    }

    /// Does what is due; when to look again, or `None` when nothing runs.
    fn look_at_all(&mut self) -> Option<Milliseconds> {
        let shared = Arc::clone(&self.shared);
        let overdue = &shared.overdue;
        let now = clock::now();
        let mut next = None;
        let mut at = |moment: Milliseconds| next = Some(moment.min(next.unwrap_or(moment)));
        let shortest =
            overdue.timeout.into_iter().chain(overdue.slow).min().unwrap_or(u64::MAX / 2);
        let threads = locked(&overdue.threads).clone();
        for running in &threads {
            match running.claim.look() {
                Look::Idle => {}
                // Silent from now on at the earliest.
                Look::Speaking => at(now + shortest),
                Look::Open => {
                    // One that begins after this look is not due before that.
                    at(now + shortest);
                    let since = running.silent_since.load(Relaxed);
                    if let Some(timeout) = overdue.timeout {
                        if since + timeout <= now {
                            self.time_out(running, timeout, now);
                            at(now + HEARING.min(timeout));
                            continue;
                        }
                        at(since + timeout);
                    }
                    let is_told = running.told_slow.load(Relaxed) == running.serial.load(Relaxed);
                    if let Some(slow) = overdue.slow.filter(|_| !is_told) {
                        if since + slow <= now {
                            self.tell_slow(running, slow, now);
                        } else {
                            at(since + slow);
                        }
                    }
                }
                Look::Spoken => {
                    let patience = overdue.timeout.unwrap_or(COMING_BACK).min(COMING_BACK);
                    let lost_at = running.spoken_at.load(Relaxed) + patience;
                    if lost_at <= now {
                        self.tell_lost(running, now);
                        at(now + shortest);
                    } else {
                        at(lost_at);
                    }
                }
            }
        }
        if let Some(moment) = self.raise_the_alarm_if_nobody_hears(now) {
            at(moment);
        }
        if let Some(moment) = self.show(now, next.is_some()) {
            next = Some(moment.min(next.unwrap_or(moment)));
        }
        next
    }

    /// Shows to other processes what runs; when to do it again.
    fn show(&mut self, now: Milliseconds, any_runs: bool) -> Option<Milliseconds> {
        let board = self.shared.stats.board()?;
        if any_runs && now < self.show_at {
            return Some(self.show_at);
        }
        let mut requests = Vec::new();
        if any_runs {
            for request in self.shared.overdue.all_running() {
                let age = u64::try_from(request.age.as_millis()).unwrap_or(u64::MAX);
                let text = [request.method, b" ".to_vec(), request.target].concat();
                let began = now.saturating_sub(age);
                requests.push(Shown { began, thread: request.thread, text });
            }
        } else if self.shown == 0 {
            return None;
        }
        // Those that run for longest first: there is room for so many.
        requests.sort_by_key(|request| request.began);
        board.show_running(&requests);
        self.shown = requests.len();
        self.show_at = now + SHOW_EVERY;
        any_runs.then_some(self.show_at)
    }

    fn time_out(&mut self, running: &Running, timeout: Milliseconds, now: Milliseconds) {
        if !running.claim.hold(Look::Open) {
            return;
        }
        if running.silent_since.load(Relaxed) + timeout > now {
            running.claim.let_go(false); // another request, meanwhile
            return;
        }
        let head_is_out = running.head_is_out.load(Relaxed);
        let lateness = if head_is_out { Lateness::Cut } else { Lateness::TimedOut };
        // SAFETY: it is held, up to `let_go`.
        let (request, socket) = unsafe { (describe(running, lateness, now), running.socket()) };
        count(&self.shared.stats.requests_timed_out);
        let mut cut = Shutdown::Both;
        if !head_is_out {
            let mut answer = Vec::new();
            let server = &self.shared.config.server;
            let is_head = running.is_head.load(Relaxed);
            let rejection = &error::REQUEST_TIMED_OUT;
            response::write_rejection(&mut answer, rejection, self.date.text(), server, is_head);
            let name = &self.shared.config.request_id;
            if !name.is_empty() {
                response::insert_field(&mut answer, name, &request.request_id);
            }
            if system::send(socket, &answer) == Ok(answer.len()) {
                cut = Shutdown::Write;
            }
        }
        // A client that is gone has nothing left to be told.
        let _ = rustix::net::shutdown(socket, cut);
        running.spoken_at.store(now, Relaxed);
        running.claim.let_go(true);
        self.tell(request, now);
    }

    fn tell_slow(&self, running: &Running, slow: Milliseconds, now: Milliseconds) {
        if !running.claim.hold(Look::Open) {
            return;
        }
        let mut request = None;
        if running.silent_since.load(Relaxed) + slow <= now {
            running.told_slow.store(running.serial.load(Relaxed), Relaxed);
            // SAFETY: it is held.
            request = Some(unsafe { describe(running, Lateness::Slow, now) });
        }
        running.claim.let_go(false);
        if let Some(request) = request {
            count(&self.shared.stats.requests_slow);
            self.tell(request, now);
        }
    }

    fn tell_lost(&self, running: &Running, now: Milliseconds) {
        if running.told_lost.load(Relaxed) == running.serial.load(Relaxed)
            || !running.claim.hold(Look::Spoken)
        {
            return;
        }
        running.told_lost.store(running.serial.load(Relaxed), Relaxed);
        // SAFETY: it is held.
        let request = unsafe { describe(running, Lateness::Lost, now) };
        running.claim.let_go(true);
        self.tell(request, now);
    }

    fn tell(&self, request: LateRequest, now: Milliseconds) {
        let mut told = locked(&self.shared.overdue.told);
        if request.lateness != Lateness::Slow && told.unheard_since.is_none() {
            told.unheard_since = Some(now);
            told.spent = self.shared.overdue.spent();
        }
        told.requests.push(request);
        drop(told);
        self.shared.tell();
    }

    /// Whether the process has looked after what it was told; when to ask again.
    fn raise_the_alarm_if_nobody_hears(&self, now: Milliseconds) -> Option<Milliseconds> {
        let mut told = locked(&self.shared.overdue.told);
        let since = told.unheard_since.filter(|_| !told.alarmed)?;
        if since + HEARING > now {
            return Some(since + HEARING);
        }
        told.alarmed = true;
        let before = std::mem::take(&mut told.spent);
        let request = told.requests.iter().find(|request| request.lateness != Lateness::Slow);
        let request = request.cloned();
        drop(told);
        if let Some(alarm) = &*locked(&self.shared.overdue.alarm)
            && let Some(request) = request
        {
            count(&self.shared.stats.interpreter_stuck);
            let mut suspects = self.shared.overdue.suspects(&before, now.saturating_sub(since));
            if suspects.is_empty() {
                // It speaks to its client at this very moment.
                suspects.push(Suspect { request, computes: false });
            }
            alarm.raise(&suspects);
        }
        None
    }
}

impl Alarm {
    fn raise(&self, suspects: &[Suspect]) {
        if let Some(stacks) = &self.stacks {
            // Whatever an earlier alarm has left. It is our file in memory, which lets us.
            let _ = rustix::fs::ftruncate(stacks, 0);
            let _ = rustix::fs::seek(stacks, rustix::fs::SeekFrom::Start(0));
        }
        // It is delivered to this thread before it returns (raise(3), POSIX): the stacks are written.
        system::raise(self.signal);
        let mut stacks = vec![0; MOST_STACK_BYTES];
        let written =
            self.stacks.as_ref().and_then(|file| rustix::io::pread(file, &mut stacks, 0).ok());
        stacks.truncate(written.unwrap_or(0));
        let Some(link) = &self.link else { return };
        let mut line = self.line(suspects, &stacks).into_iter().collect::<Vec<u8>>();
        while !line.is_empty() {
            match rustix::net::send(link, &line, SendFlags::NOSIGNAL) {
                Ok(sent) => drop(line.drain(..sent)),
                Err(rustix::io::Errno::INTR) => {}
                // A supervisor that is gone has ended this process's work anyway.
                Err(_) => return,
            }
        }
    }

    fn line(&self, suspects: &[Suspect], stacks: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        // Writing to memory cannot fail.
        let _ = write!(line, "{} {{\"requests\":[", self.kind);
        for (place, Suspect { request, computes }) in suspects.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let seconds = request.age.as_secs_f64();
            let _ = write!(line, "{comma}{{\"seconds\":{seconds:.3},\"computes\":{computes}");
            // faulthandler names threads in this form.
            let _ = write!(line, ",\"thread\":\"0x{:016x}\"", request.thread);
            let target = &request.target[..request.target.len().min(MOST_SUSPECT_BYTES)];
            write_member(&mut line, "method", &request.method);
            write_member(&mut line, "target", target);
            write_member(&mut line, "request_id", &request.request_id);
            line.push(b'}');
        }
        line.push(b']');
        write_member(&mut line, "stacks", stacks);
        line.extend_from_slice(b"}\n");
        line
    }
}

fn write_member(line: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    // As above.
    let _ = write!(line, ",\"{name}\":\"");
    write_escaped(line, bytes, true);
    line.push(b'"');
}

/// A panic while a lock was held left nothing half-done: all sections are a few assignments.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
