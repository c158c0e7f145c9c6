//! The connection machine: a real engine on a Unix socket, and a plan of requests whose answers are
//! known because the plan was made from them. The input chooses the plan and where the bytes are cut.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use trivet_server::http::forwarded::Family;
use trivet_server::http::{Limits, Trusted};
use trivet_server::{Application, BodyBytes, Config, Engine, Exchange, Listener};

/// Nothing here may take so long: a longer wait is a hang.
const PATIENCE: Duration = Duration::from_secs(10);
const THREADS: usize = 3;
const MOST_REQUESTS: usize = 6;

/// Requests that are refused: their bytes, and the status. Not one of them has an end in doubt.
const REFUSED: &[(&[u8], u16)] = &[
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"\x16\x03\x01", 400),
];

/// Runs one plan.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let plan = Plan::choose(&mut choices);
    let rig = RIG.get_or_init(Rig::start);
    let mut client = UnixStream::connect(&rig.path).expect("the engine listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    if choices.below(8) == 0 {
        // A client that leaves in the middle: whatever it sent, the next one is served.
        let end = choices.below(plan.sent.len() + 1);
        let _ = client.write_all(&plan.sent[..end]);
        return;
    }
    let mut rest = &plan.sent[..];
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + choices.below(rest.len()));
        if client.write_all(piece).is_err() {
            break; // refused already: the answer is there all the same
        }
        rest = behind;
    }
    if plan.end == End::Open {
        // Nothing more comes: the engine has to close without another word.
        let _ = client.shutdown(Shutdown::Write);
    }
    let mut received = Vec::new();
    match client.read_to_end(&mut received) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error} after {}", received.escape_ascii()),
    }
    plan.compare(&received);
}

/// Reads the input as a row of small numbers; zero when it is used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let (first, rest) = self.0.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
        self.0 = rest;
        usize::from(u16::from_le_bytes(*first)) % bound
    }
}

/// What the connection must come to when all answers are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The engine waits for the next request.
    Open,
    /// It closes by itself.
    Closed,
}

/// What is sent, and what has to come back.
struct Plan {
    sent: Vec<u8>,
    /// Status, body, and whether it answers HEAD.
    answers: Vec<(u16, Option<Vec<u8>>, bool)>,
    end: End,
}

impl Plan {
    fn choose(choices: &mut Choices<'_>) -> Self {
        let mut plan = Self { sent: Vec::new(), answers: Vec::new(), end: End::Open };
        for _ in 0..1 + choices.below(MOST_REQUESTS) {
            plan.add_request(choices);
            if plan.end == End::Closed {
                break;
            }
        }
        // What comes behind the end is nobody's request.
        if plan.end == End::Closed && choices.below(2) == 0 {
            plan.sent.extend(b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        plan
    }

    fn add_request(&mut self, choices: &mut Choices<'_>) {
        let number = choices.below(1000);
        let how = ["read", "ignore", "parts"][choices.below(3)];
        let target = format!("/{how}/{number}");
        let body: Vec<u8> = (0..choices.below(70)).map(|at| b"0\r\n;aGET "[at % 9]).collect();
        let expected = if how == "ignore" { Vec::new() } else { body.clone() };
        let answer = [target.as_bytes(), b" ", &expected].concat();
        let bare = [target.as_bytes(), b" "].concat();
        let kind = choices.below(10);
        match kind {
            0 | 1 => self.add("GET", &target, "1.1", "", &[], bare),
            2 => self.add("HEAD", &target, "1.1", "", &[], bare),
            3 | 4 => {
                let length = format!("Content-Length: {}\r\n", body.len());
                self.add("POST", &target, "1.1", &length, &body, answer);
            }
            5 | 6 => {
                let framed = chunked(&body, choices);
                self.add("PUT", &target, "1.1", "Transfer-Encoding: chunked\r\n", &framed, answer);
            }
            7 => {
                self.add("GET", &target, "1.1", "Connection: x, close\r\n", &[], bare);
                self.end = End::Closed;
            }
            8 => {
                self.add("GET", &target, "1.0", "", &[], bare);
                self.end = End::Closed;
            }
            _ => {
                let (bytes, status) = REFUSED[choices.below(REFUSED.len())];
                self.sent.extend(bytes);
                self.answers.push((status, None, false));
                self.end = End::Closed;
            }
        }
    }

    fn add(
        &mut self,
        method: &str,
        target: &str,
        version: &str,
        fields: &str,
        body: &[u8],
        answer: Vec<u8>,
    ) {
        let head = format!("{method} {target} HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        self.sent.extend(head.as_bytes());
        self.sent.extend(body);
        self.answers.push((200, Some(answer), method == "HEAD"));
    }

    fn compare(&self, mut received: &[u8]) {
        let shown = received.escape_ascii().to_string();
        for (status, body, is_head) in &self.answers {
            let (found, found_body, behind) =
                next_answer(received, *is_head).unwrap_or_else(|| {
                    panic!("no {status} in {shown}\nto {}", self.sent.escape_ascii())
                });
            assert_eq!(found, *status, "{shown}\nto {}", self.sent.escape_ascii());
            if let Some(body) = body
                && !is_head
            {
                assert_eq!(found_body, *body, "{shown}\nto {}", self.sent.escape_ascii());
            }
            received = behind;
        }
        assert!(received.is_empty(), "more than was asked for: {shown}");
    }
}

fn chunked(mut body: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut framed = Vec::new();
    while !body.is_empty() {
        let (chunk, rest) = body.split_at(1 + choices.below(body.len()));
        let extension = ["", ";a", " ; a = \"\\\"b\""][choices.below(3)];
        framed.extend(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        framed.extend(chunk);
        framed.extend(b"\r\n");
        body = rest;
    }
    framed.extend([&b"0\r\n\r\n"[..], b"000\r\nX-Sum: 1\r\n\r\n"][choices.below(2)]);
    framed
}

/// Status and body of the answer at the front, and what is behind it.
fn next_answer(received: &[u8], is_head: bool) -> Option<(u16, Vec<u8>, &[u8])> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&received[..end]).ok()?.to_ascii_lowercase();
    let status = head.strip_prefix("http/1.1 ")?.get(..3)?.parse().ok()?;
    let mut rest = &received[end..];
    let mut body = Vec::new();
    if is_head {
        return Some((status, body, rest));
    }
    if let Some((_, length)) = head.split_once("content-length: ") {
        let length: usize = length.split("\r\n").next()?.parse().ok()?;
        body.extend(rest.get(..length)?);
        return Some((status, body, &rest[length..]));
    }
    if !head.contains("transfer-encoding: chunked") {
        return Some((status, rest.to_vec(), &[])); // HTTP/1.0: to the end
    }
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        rest = &rest[line + 2..];
        body.extend(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some((status, body, rest));
        }
    }
}

static RIG: OnceLock<Rig> = OnceLock::new();

/// One engine for all inputs of a process, with threads that answer.
struct Rig {
    path: PathBuf,
    _engine: Arc<Engine<Fake>>,
}

struct Fake;

impl Application for Fake {
    type Bytes = Arc<[u8]>;
    type Kept = ();
}

impl Rig {
    fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("trivet-fuzz-{}-{number}.socket", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).expect("a socket in the temporary directory");
        let listener = Listener { socket: OwnedFd::from(listener), is_unix: true };
        let engine = Arc::new(Engine::start(config(), vec![listener]).expect("an engine"));
        for _ in 0..THREADS {
            let engine = Arc::clone(&engine);
            std::thread::spawn(move || {
                if let Some(exchange) = engine.exchange() {
                    serve(exchange);
                }
            });
        }
        Self { path, _engine: engine }
    }
}

fn config() -> Config {
    Config {
        limits: Limits::default(),
        body_limit: None,
        keep_alive: PATIENCE,
        header_timeout: PATIENCE,
        body_timeout: PATIENCE,
        write_timeout: PATIENCE,
        timeout: Duration::ZERO,
        slow: Duration::ZERO,
        live_path: Vec::new(),
        ready_path: Vec::new(),
        header_min_rate: 0,
        body_min_rate: 0,
        write_min_rate: 0,
        connections: None,
        requests_per_connection: None,
        queue: usize::MAX,
        threads: THREADS,
        server: Vec::new(),
        shares_listeners: false,
        accepts_per_turn: 64,
        trusted: Trusted::default(),
        forwarded: Family::XForwarded,
        proxy_protocol: false,
        request_id: Vec::new(),
        access_log: None,
        access_log_skip: Vec::new(),
    }
}

fn serve(mut exchange: Exchange<Fake>) {
    while exchange.wait() {
        loop {
            exchange.release();
            answer(&mut exchange);
            exchange.finish();
            if !exchange.next_at_once() {
                break;
            }
        }
    }
}

/// Answers with the target, and with the body where the target asks for that.
fn answer(exchange: &mut Exchange<Fake>) {
    let target = exchange.bytes(exchange.head().target).to_vec();
    let mut body = [&target[..], b" "].concat();
    if !target.starts_with(b"/ignore") {
        loop {
            match exchange.read_body(7) {
                Ok(BodyBytes::Some(bytes)) => body.extend_from_slice(bytes),
                Ok(BodyBytes::End) => break,
                Ok(BodyBytes::NotYet) => {
                    if exchange.wait_for_body().is_err() {
                        return exchange.answer_failure();
                    }
                }
                Err(_) => return exchange.answer_failure(),
            }
        }
    }
    exchange.start_head(b"200 OK").expect("a valid head");
    if target.starts_with(b"/parts") {
        for part in body.chunks(5) {
            exchange.send_part_of(part, None, || Arc::from(part));
        }
        exchange.end_body();
    } else {
        exchange.send_whole(&body, || Arc::from(&body[..]));
    }
}
