//! Runs an engine with a fake application: the part that a Python process has otherwise.

use std::io::{BufReader, PipeReader, PipeWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use trivet_server::http::forwarded::Family;
use trivet_server::http::{Limits, Trusted};
use trivet_server::{
    Application, BodyBytes, BodyError, Config, Engine, Event, Exchange, Listener, Sent, Snapshot,
};

use crate::client::Client;
use crate::gate::PATIENCE;

/// What the tests answer with.
pub(crate) struct Fake;

impl Application for Fake {
    type Bytes = Arc<[u8]>;
    type Kept = u32;
}

pub(crate) type View = dyn Fn(&mut Exchange<Fake>) + Send + Sync;

/// Where a server listens.
#[derive(Clone)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// An engine that serves with threads of its own, and ends them all when it is dropped.
pub(crate) struct Server {
    engine: Option<Arc<Engine<Fake>>>,
    pub(crate) address: Address,
    crew: Arc<Crew>,
    starter: Option<JoinHandle<()>>,
    end: PipeWriter,
}

/// What the threads of one server have told.
#[derive(Default)]
struct Crew {
    state: Mutex<CrewState>,
    changed: Condvar,
}

#[derive(Default)]
struct CrewState {
    running: usize,
    started: usize,
    stopped_accepting: bool,
    drained: bool,
}

impl Crew {
    fn change(&self, change: impl FnOnce(&mut CrewState)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn wait(&self, is_so: impl Fn(&CrewState) -> bool) -> bool {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| !is_so(state));
        !waited.unwrap().1.timed_out()
    }
}

/// A configuration that no test waits for by accident.
pub(crate) fn config() -> Config {
    Config {
        limits: Limits::default(),
        body_limit: None,
        keep_alive: Duration::from_secs(60),
        header_timeout: Duration::from_secs(60),
        body_timeout: Duration::from_secs(60),
        write_timeout: Duration::from_secs(60),
        timeout: Duration::ZERO,
        slow: Duration::ZERO,
        live_path: Vec::new(),
        ready_path: Vec::new(),
        header_min_rate: 0,
        body_min_rate: 0,
        write_min_rate: 0,
        connections: None,
        requests_per_connection: None,
        queue: 2048,
        threads: 8,
        server: b"trivet".to_vec(),
        shares_listeners: false,
        accepts_per_turn: 64,
        trusted: Trusted::default(),
        forwarded: Family::default(),
        proxy_protocol: false,
        request_id: Vec::new(),
        access_log: None,
        access_log_skip: Vec::new(),
    }
}

/// When the token is laid open for others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// Before the view, as a bridge does it.
    Released,
    /// Not at all: the view runs as one that the others cannot get past.
    Held,
}

impl Server {
    pub(crate) fn new(view: impl Fn(&mut Exchange<Fake>) + Send + Sync + 'static) -> Self {
        Self::with(config(), view)
    }

    pub(crate) fn with(
        config: Config,
        view: impl Fn(&mut Exchange<Fake>) + Send + Sync + 'static,
    ) -> Self {
        let (listener, address) = listen_on_loopback();
        Self::start(config, listener, address, Token::Released, Arc::new(view))
    }

    pub(crate) fn on_unix(view: impl Fn(&mut Exchange<Fake>) + Send + Sync + 'static) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("trivet-{}-{number}.socket", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let listener = Listener { socket: OwnedFd::from(listener), is_unix: true };
        Self::start(config(), listener, Address::Unix(path), Token::Released, Arc::new(view))
    }

    pub(crate) fn holding_the_token(
        config: Config,
        view: impl Fn(&mut Exchange<Fake>) + Send + Sync + 'static,
    ) -> Self {
        let (listener, address) = listen_on_loopback();
        Self::start(config, listener, address, Token::Held, Arc::new(view))
    }

    fn start(
        config: Config,
        listener: Listener,
        address: Address,
        token: Token,
        view: Arc<View>,
    ) -> Self {
        let engine = Arc::new(Engine::start(config, vec![listener]).unwrap());
        let crew = Arc::new(Crew::default());
        let (ended, end) = std::io::pipe().unwrap();
        let starter = std::thread::spawn({
            let (engine, crew) = (Arc::clone(&engine), Arc::clone(&crew));
            move || {
                loop {
                    let mut polled = [
                        PollFd::new(engine.news(), PollFlags::IN),
                        PollFd::new(&ended, PollFlags::IN),
                    ];
                    poll(&mut polled, None).unwrap();
                    if !polled[1].revents().is_empty() {
                        return;
                    }
                    for event in engine.events() {
                        note(event, &engine, &crew, token, &view);
                    }
                }
            }
        });
        Self { engine: Some(engine), address, crew, starter: Some(starter), end }
    }

    pub(crate) fn engine(&self) -> &Engine<Fake> {
        self.engine.as_ref().expect("it is there until the drop")
    }

    /// What the access log says from now on; the configuration must have one.
    pub(crate) fn access_log(&self) -> BufReader<PipeReader> {
        let (log, end) = std::io::pipe().unwrap();
        self.engine().write_access_log_to(OwnedFd::from(end)).unwrap();
        BufReader::new(log)
    }

    pub(crate) fn stats(&self) -> Snapshot {
        self.engine().stats()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.address)
    }

    /// How many threads have been started so far.
    pub(crate) fn started(&self) -> usize {
        self.crew.state.lock().unwrap().started
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.crew.state.lock().unwrap().drained
    }

    pub(crate) fn wait_until_stopped_accepting(&self) {
        assert!(self.crew.wait(|state| state.stopped_accepting), "it accepts for ever");
    }

    pub(crate) fn wait_until_drained(&self) {
        let drained = self.crew.wait(|state| state.drained);
        assert!(drained, "it is never drained: {:?}", self.stats());
    }

    /// Waits until every thread of the application has returned, which needs a stop.
    pub(crate) fn wait_for_threads(&self) {
        let ended = self.crew.wait(|state| state.running == 0);
        assert!(ended, "threads do not return after the stop");
    }

    /// Requests are counted after their answers are sent.
    pub(crate) fn wait_for_requests(&self, requests: u64) {
        crate::gate::until("so many requests", || self.stats().requests >= requests);
        assert_eq!(self.stats().requests, requests);
    }

    pub(crate) fn wait_until_closed(&self) {
        crate::gate::until("no connection is open", || self.stats().connections_open == 0);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.engine().stop();
        self.end.write_all(b"!").unwrap();
        if let Some(starter) = self.starter.take() {
            starter.join().unwrap();
        }
        if !std::thread::panicking() {
            self.wait_for_threads();
        }
        self.engine = None;
        if let Address::Unix(path) = &self.address {
            std::fs::remove_file(path).unwrap();
        }
    }
}

pub(crate) fn listen_on_loopback() -> (Listener, Address) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap());
    (Listener { socket: OwnedFd::from(listener), is_unix: false }, address)
}

fn note(
    event: Event,
    engine: &Arc<Engine<Fake>>,
    crew: &Arc<Crew>,
    token: Token,
    view: &Arc<View>,
) {
    match event {
        Event::ThreadsWanted(count) => {
            for _ in 0..count {
                crew.change(|state| {
                    state.running += 1;
                    state.started += 1;
                });
                let (engine, crew, view) = (Arc::clone(engine), Arc::clone(crew), Arc::clone(view));
                std::thread::spawn(move || {
                    let exchange = engine.exchange();
                    drop(engine);
                    if let Some(exchange) = exchange {
                        serve(exchange, token, &*view);
                    }
                    crew.change(|state| state.running -= 1);
                });
            }
        }
        Event::StoppedAccepting => crew.change(|state| state.stopped_accepting = true),
        Event::Drained => crew.change(|state| state.drained = true),
        // Tests take them out by themselves.
        Event::HandedOver => {}
        Event::OtherProtocol(_) | Event::CrowdGone => {}
    }
}

/// One application thread.
fn serve(mut exchange: Exchange<Fake>, token: Token, view: &View) {
    while exchange.wait() {
        loop {
            if token == Token::Released {
                exchange.release();
            }
            if catch_unwind(AssertUnwindSafe(|| view(&mut exchange))).is_err() {
                exchange.note_panic();
                exchange.answer_failure();
            }
            exchange.finish();
            if !exchange.next_at_once() {
                break;
            }
        }
    }
}

/// The target of the request.
pub(crate) fn target(exchange: &Exchange<Fake>) -> String {
    String::from_utf8(exchange.bytes(exchange.head().target).to_vec()).unwrap()
}

/// Answers with 200 and the whole body.
pub(crate) fn answer(exchange: &mut Exchange<Fake>, body: &[u8]) -> Sent {
    start(exchange, "200 OK");
    exchange.send_whole(body, || Arc::from(body))
}

pub(crate) fn start(exchange: &mut Exchange<Fake>, status: &str) {
    exchange.start_head(status.as_bytes()).unwrap();
    exchange.add_field(b"Content-Type", b"application/octet-stream").unwrap();
}

/// Sends a part of a body of unknown length.
pub(crate) fn send(exchange: &mut Exchange<Fake>, part: &[u8]) -> Sent {
    exchange.send_part_of(part, None, || Arc::from(part))
}

/// The whole body of the request, and how often it had to be waited for.
pub(crate) fn read_all(exchange: &mut Exchange<Fake>) -> Result<(Vec<u8>, usize), BodyError> {
    let (mut body, mut waits) = (Vec::new(), 0);
    loop {
        match exchange.read_body(8 * 1024)? {
            BodyBytes::Some(bytes) => body.extend_from_slice(bytes),
            BodyBytes::End => return Ok((body, waits)),
            BodyBytes::NotYet => {
                waits += 1;
                exchange.wait_for_body()?;
            }
        }
    }
}

/// Answers with the body of the request, or gives up as an application does.
pub(crate) fn echo(exchange: &mut Exchange<Fake>) {
    match read_all(exchange) {
        Ok((body, _)) => {
            answer(exchange, &body);
        }
        Err(_) => exchange.answer_failure(),
    }
}

/// Answers with the target.
pub(crate) fn say_target(exchange: &mut Exchange<Fake>) {
    let target = target(exchange);
    answer(exchange, target.as_bytes());
}
