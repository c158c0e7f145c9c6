//! Every order of events when connections come back and the token goes on, tried by loom on a small
//! model of the hub, the scheduler and the kernel: nobody is lost, nobody is owned twice.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p trivet-server --release --test loom_hand_over`.
//!
//! The model has the steps of `Lent` (connection.rs), `bring_back`, `take_returned`, `queue`,
//! `pass_on`, `offer` and `stop` (scheduler.rs), `wait`, `next_news` and `put_back` (hub), and
//! `hold` (engine.rs), in their order. It leaves out all timeouts: where the engine would be saved
//! by its next sweep, the model deadlocks, which loom reports. Loom takes sequentially consistent
//! accesses for acquire and release; where the engine relies on more, a fence stands for it.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// One epoll instance: edges of one connection, and the wake-up.
#[derive(Default)]
struct Kernel {
    state: Mutex<KernelState>,
    changed: Condvar,
}

#[derive(Default)]
struct KernelState {
    edges: usize,
    wakes: usize,
    /// Bytes in the connection's socket.
    unread: usize,
}

impl Kernel {
    fn client_sends(&self) {
        let mut state = self.state.lock().unwrap();
        state.unread += 1;
        state.edges += 1;
        self.changed.notify_one();
    }

    fn wake(&self) {
        self.state.lock().unwrap().wakes += 1;
        self.changed.notify_one();
    }

    /// True if the connection has news.
    fn wait(&self, may_wait: bool) -> bool {
        let mut state = self.state.lock().unwrap();
        while may_wait && state.edges == 0 && state.wakes == 0 {
            state = self.changed.wait(state).unwrap();
        }
        state.wakes = 0;
        std::mem::take(&mut state.edges) > 0
    }

    fn read(&self) -> usize {
        std::mem::take(&mut self.state.lock().unwrap().unread)
    }
}

/// A connection. Loom fails if two threads use it without an order between them.
struct Connection {
    lent: Arc<AtomicU32>,
    used: UnsafeCell<u32>,
    /// It has more to send, for which no event comes.
    must_flush: bool,
}

impl Connection {
    fn new(lent: &Arc<AtomicU32>) -> Box<Self> {
        Box::new(Self { lent: Arc::clone(lent), used: UnsafeCell::new(0), must_flush: false })
    }

    fn work(&self) {
        self.used.with_mut(|count| {
            // SAFETY: loom checks that nobody else is in here, which is what is tested.
            unsafe { *count += 1 }
        });
    }
}

/// The part of the scheduler that connections come back through.
#[derive(Default)]
struct Returns {
    #[allow(clippy::vec_box, reason = "the engine hands boxes around")]
    returned: Mutex<Vec<Box<Connection>>>,
    any_returned: AtomicBool,
    polling: AtomicBool,
    kernel: Kernel,
}

impl Returns {
    /// `Exchange::bring_back`.
    fn bring_back(&self, connection: Box<Connection>) {
        let lent = Arc::clone(&connection.lent);
        let needs_care = connection.must_flush;
        connection.work();
        self.returned.lock().unwrap().push(connection);
        self.any_returned.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if (needs_care || lent.load(Ordering::SeqCst) != 0) && self.polling.load(Ordering::SeqCst) {
            self.kernel.wake();
        }
    }
}

/// The hub with the slab's one place.
struct Hub {
    here: Option<Box<Connection>>,
    lent: Arc<AtomicU32>,
    ready: usize,
}

impl Hub {
    fn take_returned(&mut self, returns: &Returns) {
        returns.any_returned.store(false, Ordering::SeqCst);
        let returned = std::mem::take(&mut *returns.returned.lock().unwrap());
        for connection in returned {
            // `Hub::put_back`.
            let marks = match connection.lent.load(Ordering::SeqCst) {
                0 => 0,
                _ => connection.lent.swap(0, Ordering::SeqCst),
            };
            if marks != 0 || connection.must_flush {
                self.ready += 1;
            }
            assert!(self.here.replace(connection).is_none(), "two owners");
        }
    }

    /// `Hub::next_news`: what was read, or that the rest of the answer was sent.
    fn next_news(&mut self, returns: &Returns) -> Option<usize> {
        while self.ready > 0 {
            self.ready -= 1;
            match &mut self.here {
                None => {
                    self.lent.fetch_or(1, Ordering::SeqCst);
                    fence(Ordering::SeqCst);
                    if returns.any_returned.load(Ordering::SeqCst) {
                        self.take_returned(returns);
                    }
                }
                Some(connection) => {
                    connection.work();
                    let did_flush = std::mem::take(&mut connection.must_flush);
                    let read = returns.kernel.read();
                    if read > 0 || did_flush {
                        return Some(read);
                    }
                }
            }
        }
        None
    }

    /// `Hub::wait`.
    fn wait(&mut self, returns: &Returns) {
        returns.polling.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let must_not_wait = returns.any_returned.load(Ordering::SeqCst);
        if returns.kernel.wait(!must_not_wait) {
            self.ready += 1;
        }
        if returns.any_returned.load(Ordering::SeqCst) {
            self.take_returned(returns);
        }
        returns.polling.store(false, Ordering::Relaxed);
    }
}

#[test]
fn a_request_that_comes_while_its_connection_comes_back_is_read() {
    loom::model(|| {
        let returns = Arc::new(Returns::default());
        let lent = Arc::new(AtomicU32::new(0));
        let connection = Connection::new(&lent);
        let thread = thread::spawn({
            let returns = Arc::clone(&returns);
            move || returns.bring_back(connection)
        });
        let client = thread::spawn({
            let returns = Arc::clone(&returns);
            move || returns.kernel.client_sends()
        });
        let mut hub = Hub { here: None, lent, ready: 0 };
        while hub.next_news(&returns).is_none() {
            hub.wait(&returns);
        }
        thread.join().unwrap();
        client.join().unwrap();
    });
}

#[test]
fn two_edges_around_the_way_back_lose_nothing() {
    let mut model = loom::model::Builder::new();
    // All orders would take too long; three switches at the wrong moment are a great deal.
    model.preemption_bound = Some(3);
    model.check(|| {
        let returns = Arc::new(Returns::default());
        let lent = Arc::new(AtomicU32::new(0));
        let connection = Connection::new(&lent);
        let thread = thread::spawn({
            let returns = Arc::clone(&returns);
            move || returns.bring_back(connection)
        });
        let client = thread::spawn({
            let returns = Arc::clone(&returns);
            move || {
                returns.kernel.client_sends();
                returns.kernel.client_sends();
            }
        });
        let mut hub = Hub { here: None, lent, ready: 0 };
        let mut read = 0;
        while read < 2 {
            match hub.next_news(&returns) {
                Some(count) => read += count,
                None => hub.wait(&returns),
            }
        }
        thread.join().unwrap();
        client.join().unwrap();
    });
}

#[test]
fn a_connection_with_a_queue_is_looked_at_without_any_event() {
    loom::model(|| {
        let returns = Arc::new(Returns::default());
        let lent = Arc::new(AtomicU32::new(0));
        let mut connection = Connection::new(&lent);
        connection.must_flush = true;
        let thread = thread::spawn({
            let returns = Arc::clone(&returns);
            move || returns.bring_back(connection)
        });
        let mut hub = Hub { here: None, lent, ready: 0 };
        while hub.next_news(&returns).is_none() {
            hub.wait(&returns);
        }
        thread.join().unwrap();
    });
}

/// A token; counts how many there are.
struct Token {
    alive: Arc<AtomicUsize>,
    used: UnsafeCell<u32>,
}

impl Token {
    fn new(alive: &Arc<AtomicUsize>) -> Box<Self> {
        alive.fetch_add(1, Ordering::Relaxed);
        Box::new(Self { alive: Arc::clone(alive), used: UnsafeCell::new(0) })
    }

    fn work(&self) {
        self.used.with_mut(|count| {
            // SAFETY: loom checks that nobody else is in here, which is what is tested.
            unsafe { *count += 1 }
        });
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `Seat`.
#[derive(Default)]
struct Seat {
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

#[derive(Default)]
struct Inbox {
    token: Option<Box<Token>>,
    stop: bool,
}

impl Seat {
    /// `None` is the stop.
    fn wait(&self) -> Option<Box<Token>> {
        let mut inbox = self.inbox.lock().unwrap();
        loop {
            if inbox.stop {
                return None;
            }
            if let Some(token) = inbox.token.take() {
                return Some(token);
            }
            inbox = self.changed.wait(inbox).unwrap();
        }
    }

    fn give(&self, token: Box<Token>) {
        let mut inbox = self.inbox.lock().unwrap();
        if inbox.stop {
            drop(inbox);
            drop(token);
            return;
        }
        inbox.token = Some(token);
        self.changed.notify_one();
    }

    fn stop(&self) {
        let mut inbox = self.inbox.lock().unwrap();
        inbox.stop = true;
        let left = inbox.token.take();
        self.changed.notify_one();
        drop(inbox);
        drop(left);
    }
}

/// The part of the scheduler that the token goes through.
#[derive(Default)]
struct Scheduler {
    crew: Mutex<Crew>,
    monitor: Seat,
    kernel: Kernel,
}

#[derive(Default)]
struct Crew {
    waiting: Vec<Arc<Seat>>,
    monitor_holds: bool,
    stopping: bool,
}

impl Scheduler {
    fn pass_on(&self, token: Box<Token>) {
        let mut crew = self.crew.lock().unwrap();
        if crew.stopping {
            drop(crew);
            drop(token);
            return;
        }
        match crew.waiting.pop() {
            Some(seat) => {
                crew.monitor_holds = false;
                drop(crew);
                seat.give(token);
            }
            None => {
                crew.monitor_holds = true;
                drop(crew);
                self.monitor.give(token);
            }
        }
    }

    fn offer(&self, token: Box<Token>) -> Option<Box<Token>> {
        let mut crew = self.crew.lock().unwrap();
        let Some(seat) = crew.waiting.pop() else { return Some(token) };
        crew.monitor_holds = false;
        drop(crew);
        seat.give(token);
        None
    }

    fn queue(&self, seat: &Arc<Seat>) -> bool {
        let mut crew = self.crew.lock().unwrap();
        crew.waiting.push(Arc::clone(seat));
        crew.monitor_holds
    }

    fn is_stopping(&self) -> bool {
        self.crew.lock().unwrap().stopping
    }

    /// `Engine::stop`.
    fn stop(&self) {
        let mut crew = self.crew.lock().unwrap();
        crew.stopping = true;
        for seat in crew.waiting.drain(..) {
            seat.stop();
        }
        drop(crew);
        self.monitor.stop();
        self.kernel.wake();
    }

    /// `Monitor::run` and `Monitor::hold`.
    fn run_monitor(&self) {
        while let Some(mut token) = self.monitor.wait() {
            loop {
                token = match self.offer(token) {
                    None => break,
                    Some(token) => token,
                };
                if self.is_stopping() {
                    return;
                }
                token.work();
                self.kernel.wait(true);
            }
        }
    }

    /// `Exchange::wait_for_token`.
    fn wait_for_token(&self, seat: &Arc<Seat>) -> Option<Box<Token>> {
        if self.queue(seat) {
            self.kernel.wake();
        }
        if self.is_stopping() {
            return None;
        }
        seat.wait()
    }
}

#[test]
fn a_thread_that_comes_while_the_token_goes_to_the_monitor_gets_it() {
    let mut model = loom::model::Builder::new();
    // All orders take half a minute, and have been tried.
    model.preemption_bound = Some(4);
    model.check(|| {
        let scheduler = Arc::new(Scheduler::default());
        let alive = Arc::new(AtomicUsize::new(0));
        let monitor = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || scheduler.run_monitor()
        });
        let thread = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || {
                let token = scheduler.wait_for_token(&Arc::default()).expect("nobody stops yet");
                token.work();
                scheduler.stop();
            }
        });
        scheduler.pass_on(Token::new(&alive));
        thread.join().unwrap();
        monitor.join().unwrap();
    });
}

#[test]
fn one_token_serves_two_threads_one_after_the_other() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let scheduler = Arc::new(Scheduler::default());
        let alive = Arc::new(AtomicUsize::new(0));
        let monitor = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || scheduler.run_monitor()
        });
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let scheduler = Arc::clone(&scheduler);
                thread::spawn(move || {
                    let token =
                        scheduler.wait_for_token(&Arc::default()).expect("nobody stops yet");
                    token.work();
                    scheduler.pass_on(token);
                })
            })
            .collect();
        scheduler.pass_on(Token::new(&alive));
        for thread in threads {
            thread.join().unwrap();
        }
        scheduler.stop();
        monitor.join().unwrap();
    });
}

#[test]
fn a_stop_ends_every_wait_wherever_the_token_is() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let scheduler = Arc::new(Scheduler::default());
        let alive = Arc::new(AtomicUsize::new(0));
        scheduler.pass_on(Token::new(&alive));
        let monitor = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || scheduler.run_monitor()
        });
        let thread = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || drop(scheduler.wait_for_token(&Arc::default()))
        });
        scheduler.stop();
        thread.join().unwrap();
        monitor.join().unwrap();
    });
}

/// The hub owns the scheduler: what is left in the monitor's seat or in that of a thread that has
/// queued is never freed.
#[test]
fn after_a_stop_no_token_is_left_wherever_it_was() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let scheduler = Arc::new(Scheduler::default());
        let alive = Arc::new(AtomicUsize::new(0));
        scheduler.pass_on(Token::new(&alive));
        let monitor = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || scheduler.run_monitor()
        });
        let thread = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || {
                // It blocks in the application, and so gives the token to somebody else.
                if let Some(token) = scheduler.wait_for_token(&Arc::default()) {
                    token.work();
                    scheduler.pass_on(token);
                }
            }
        });
        scheduler.stop();
        thread.join().unwrap();
        monitor.join().unwrap();
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}
