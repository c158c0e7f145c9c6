//! Applications that take too long: who answers, who is told, and what the thread finds afterwards.

use std::io::{BufRead, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use trivet_server::{Alarm, Config, Exchange, LateRequest, Lateness, LogFormat, Sent};

use crate::client::{get, post_head};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, answer, config, echo, say_target, send, start, target};

const SHORT: Duration = Duration::from_millis(100);

fn impatient() -> Config {
    Config { timeout: SHORT, ..config() }
}

/// A view that waits at the gate on `/stuck`, and says its target on other paths.
fn stuck_at(gate: &Arc<Gate>) -> impl Fn(&mut Exchange<Fake>) + Send + Sync + 'static {
    let gate = Arc::clone(gate);
    move |exchange| {
        if target(exchange).starts_with("/stuck") {
            gate.pass();
        }
        say_target(exchange);
    }
}

/// What was told until `count` were.
fn told(server: &Server, count: usize) -> Vec<LateRequest> {
    let mut told = Vec::new();
    until("so many were told", || {
        told.extend(server.engine().late_requests());
        told.len() >= count
    });
    told
}

#[test]
fn a_request_whose_view_is_stuck_is_answered_with_504_and_others_go_on() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(impatient(), stuck_at(&gate));
    let mut client = server.connect();
    client.send(get("/stuck?a=1"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (504, true));
    client.expect_end();
    assert_eq!(server.connect().ask(get("/other")).text(), "/other");
    let told = told(&server, 1);
    assert_eq!(told[0].lateness, Lateness::TimedOut);
    assert_eq!((&told[0].method[..], &told[0].target[..]), (&b"GET"[..], &b"/stuck?a=1"[..]));
    assert!(told[0].age >= SHORT);
    gate.open();
    server.wait_until_closed();
    assert_eq!(server.stats().requests_timed_out, 1);
}

#[test]
fn with_one_thread_that_does_not_even_release_the_token_the_client_still_hears_504() {
    let gate = Arc::new(Gate::default());
    let config = Config { threads: 1, ..impatient() };
    let server = Server::holding_the_token(config, stuck_at(&gate));
    let mut client = server.connect();
    client.send(get("/stuck"));
    assert_eq!(client.answer().status, 504);
    gate.open();
    assert_eq!(server.connect().ask(get("/next")).text(), "/next");
}

#[test]
fn an_answer_to_head_has_no_body_also_when_it_is_late() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(impatient(), stuck_at(&gate));
    let mut client = server.connect();
    client.send("HEAD /stuck HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.rest();
    assert!(head.starts_with(b"HTTP/1.1 504 ") && head.ends_with(b"\r\n\r\n"), "{head:?}");
    gate.open();
}

#[test]
fn a_view_that_comes_back_late_is_told_that_its_client_has_left() {
    let gate = Arc::new(Gate::default());
    let (says, hears) = channel();
    let server = Server::with(impatient(), {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            says.send(answer(exchange, b"too late")).unwrap();
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    assert_eq!(client.answer().status, 504);
    gate.open();
    assert_eq!(hears.recv().unwrap(), Sent::ClientLeft);
    client.expect_end();
    server.wait_until_closed();
}

#[test]
fn the_time_counts_from_part_to_part_of_a_stream() {
    let server = Server::with(
        Config { timeout: Duration::from_millis(400), ..config() },
        |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            for _ in 0..8 {
                send(exchange, b"part");
                std::thread::park_timeout(SHORT);
            }
            exchange.end_body();
        },
    );
    assert_eq!(server.connect().ask(get("/")).body, b"part".repeat(8));
    assert_eq!(server.stats().requests_timed_out, 0);
}

#[test]
fn a_stream_that_gets_stuck_is_cut_so_that_its_client_sees_it() {
    let gate = Arc::new(Gate::default());
    let (says, hears) = channel();
    let server = Server::with(impatient(), {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            send(exchange, b"part");
            gate.pass();
            says.send(send(exchange, b"more")).unwrap();
            exchange.end_body();
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    let received = client.rest();
    assert!(received.ends_with(b"4\r\npart\r\n"), "{}", String::from_utf8_lossy(&received));
    assert_eq!(told(&server, 1)[0].lateness, Lateness::Cut);
    gate.open();
    assert_eq!(hears.recv().unwrap(), Sent::ClientLeft);
    server.wait_until_closed();
}

#[test]
fn waiting_for_the_body_of_a_slow_client_does_not_count() {
    let server = Server::with(Config { timeout: SHORT, ..config() }, echo);
    let mut client = server.connect();
    client.send(post_head("/", 4).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"));
    client.take_to(b"\r\n\r\n");
    for byte in ["b", "o", "d", "y"] {
        std::thread::park_timeout(SHORT);
        client.send(byte);
    }
    assert_eq!(client.answer().text(), "body");
    assert_eq!(server.stats().requests_timed_out, 0);
}

#[test]
fn a_conversation_has_no_deadline() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(impatient(), {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            if target(exchange) == "/talk" {
                exchange.begin_conversation();
                gate.pass();
            } else {
                gate.pass();
                answer(exchange, b"");
            }
        }
    });
    let mut talk = server.connect();
    talk.send(get("/talk"));
    gate.wait_for(1);
    // By the time that this one is over, the other would have been.
    let mut other = server.connect();
    other.send(get("/"));
    assert_eq!(other.answer().status, 504);
    assert_eq!(server.stats().requests_timed_out, 1);
    gate.open();
}

#[test]
fn a_slow_request_is_told_of_once_and_goes_on() {
    let gate = Arc::new(Gate::default());
    let slow = Duration::from_millis(20);
    let server = Server::with(Config { slow, ..config() }, stuck_at(&gate));
    let mut client = server.connect();
    client.send(get("/stuck"));
    let first = told(&server, 1);
    assert_eq!((first.len(), first[0].lateness), (1, Lateness::Slow));
    // A second one is told of after that, and the first is not told of again.
    let mut second = server.connect();
    second.send(get("/stuck/too"));
    let then = told(&server, 1);
    assert_eq!((then.len(), &then[0].target[..]), (1, &b"/stuck/too"[..]));
    gate.open();
    assert_eq!(client.answer().text(), "/stuck");
    assert_eq!(second.answer().text(), "/stuck/too");
    assert_eq!(server.stats().requests_slow, 2);
}

#[test]
fn a_request_that_waits_for_a_thread_for_too_long_is_answered_too() {
    let gate = Arc::new(Gate::default());
    let config = Config { threads: 1, ..impatient() };
    let server = Server::with(config, stuck_at(&gate));
    let (mut first, mut second) = (server.connect(), server.connect());
    first.send(get("/stuck"));
    gate.wait_for(1);
    second.send(get("/waits"));
    assert_eq!(first.answer().status, 504);
    let answer = second.answer();
    assert_eq!((answer.status, answer.closes()), (504, true));
    gate.open();
    assert_eq!(server.connect().ask(get("/next")).text(), "/next");
    assert_eq!(server.stats().requests_begun, 2, "nobody ran what was answered already");
}

#[test]
fn the_log_tells_of_a_request_that_was_answered_while_it_waited_what_it_was_and_how_long() {
    let gate = Arc::new(Gate::default());
    let config = Config { threads: 1, access_log: Some(LogFormat::Text), ..impatient() };
    let server = Server::with(config, stuck_at(&gate));
    let mut log = server.access_log();
    let (mut first, mut second) = (server.connect(), server.connect());
    first.send(get("/stuck"));
    gate.wait_for(1);
    second.send(get("/waits?a=1"));
    assert_eq!(second.answer().status, 504);
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains(" \"GET /waits?a=1 HTTP/1.1\" 504 "), "{line}");
    let duration = line.trim_end().strip_suffix("ms").unwrap().rsplit(' ').next().unwrap();
    let milliseconds: f64 = duration.parse().unwrap();
    // The deadline is kept by a coarser clock, which may be some milliseconds behind.
    assert!(milliseconds >= SHORT.as_secs_f64() * 500.0, "{line}");
    gate.open();
}

#[test]
fn a_client_that_leaves_before_its_request_has_begun_costs_no_thread() {
    let gate = Arc::new(Gate::default());
    let config = Config { threads: 1, live_path: b"/live".to_vec(), ..config() };
    let server = Server::with(config, stuck_at(&gate));
    let (mut first, mut second) = (server.connect(), server.connect());
    first.send(get("/stuck"));
    gate.wait_for(1);
    second.send(get("/left"));
    let mut third = server.connect();
    third.send(get("/stays"));
    third.finish_sending();
    // It resets the connection: unlike the third, it does not wait for an answer.
    rustix::net::sockopt::set_socket_linger(second.stream(), Some(Duration::ZERO)).unwrap();
    second.leave();
    // Answered after what came before it was read.
    assert_eq!(server.connect().ask(get("/live")).status, 200);
    gate.open();
    assert_eq!(first.answer().text(), "/stuck");
    assert_eq!(third.answer().text(), "/stays");
    until("the one that left is counted", || server.stats().requests_abandoned == 1);
    assert_eq!(server.stats().requests_begun, 2, "the one that left was not run");
}

#[test]
fn a_thread_that_does_not_come_back_is_lost() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(impatient(), stuck_at(&gate));
    let mut client = server.connect();
    client.send(get("/stuck"));
    let told = told(&server, 2);
    assert_eq!([told[0].lateness, told[1].lateness], [Lateness::TimedOut, Lateness::Lost]);
    let (thread, serial) = (told[0].thread, told[0].serial);
    assert!(server.engine().while_it_lasts(thread, serial, || {}));
    assert!(!server.engine().while_it_lasts(thread, serial + 1, || {}));
    gate.open();
    server.wait_until_closed();
    assert!(!server.engine().while_it_lasts(thread, serial, || unreachable!("it is over")));
}

#[test]
fn what_runs_now_can_be_seen_at_any_time() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(config(), stuck_at(&gate));
    let mut client = server.connect();
    client.send(get("/stuck/here"));
    gate.wait_for(1);
    let running = server.engine().running();
    assert_eq!(running.len(), 1);
    assert_eq!(
        (running[0].lateness, &running[0].target[..]),
        (Lateness::Running, &b"/stuck/here"[..])
    );
    gate.open();
    assert_eq!(client.answer().status, 200, "looking changes nothing");
    server.wait_for_requests(1);
    assert!(server.engine().running().is_empty());
}

#[test]
fn a_request_that_runs_although_its_client_has_had_its_answer_is_told_from_others() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(impatient(), stuck_at(&gate));
    let mut client = server.connect();
    client.send(get("/stuck"));
    assert_eq!(client.answer().status, 504);
    // The client may have read its answer before the watch has let go of the request.
    until("it is shown as over", || {
        let running = server.engine().running();
        running.len() == 1 && running[0].lateness == Lateness::TimedOut
    });
    gate.open();
}

#[test]
fn when_nobody_looks_after_a_late_request_the_supervisor_is_told() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(impatient(), stuck_at(&gate));
    let (mut hears, tells) = std::os::unix::net::UnixStream::pair().unwrap();
    let alarm =
        // A signal whose default is to do nothing.
        Alarm { signal: libc::SIGURG, stacks: None, link: Some(OwnedFd::from(tells)), kind: "stuck".into() };
    server.engine().set_alarm(alarm);
    let mut client = server.connect();
    client.send(get("/stuck?name=%22a%22"));
    let mut line = [0; 4096];
    let length = hears.read(&mut line).unwrap();
    let line = std::str::from_utf8(&line[..length]).unwrap();
    assert!(
        line.starts_with("stuck {\"requests\":[{\"seconds\":") && line.ends_with("}\n"),
        "{line}"
    );
    assert!(line.contains("\"target\":\"/stuck?name=%22a%22\""), "{line}");
    assert_eq!(server.stats().interpreter_stuck, 1);
    gate.open();
}
