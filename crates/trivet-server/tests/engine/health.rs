//! Health checks: answered by the engine, whatever the application does.

use std::sync::Arc;
use std::time::Duration;

use trivet_server::{Config, Exchange};

use crate::client::{Client, get, post};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, answer, config, say_target, target};

fn with_probes() -> Config {
    Config { live_path: b"/-/live".to_vec(), ready_path: b"/-/ready".to_vec(), ..config() }
}

#[test]
fn both_are_answered_without_the_application_and_keep_the_connection() {
    let server = Server::with(with_probes(), |_| panic!("nobody asked the application"));
    let mut client = server.connect();
    for (path, body) in [("/-/live", "live\n"), ("/-/ready?a=1", "ready\n"), ("/-/live", "live\n")]
    {
        let answer = client.ask(get(path));
        assert_eq!((answer.status, answer.text(), answer.closes()), (200, body, false));
        assert_eq!(answer.field("Cache-Control"), Some("no-store"));
    }
    assert_eq!(server.stats().health_checks, 3);
    assert_eq!(server.stats().requests_begun, 0);
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let server = Server::with(with_probes(), say_target);
    let mut client = server.connect();
    client.send("HEAD /-/ready HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let received = String::from_utf8(client.rest()).unwrap();
    assert!(received.starts_with("HTTP/1.1 200 ") && received.ends_with("\r\n\r\n"), "{received}");
    assert!(received.contains("\r\nContent-Length: 6\r\n"), "{received}");
}

#[test]
fn many_in_one_packet_with_requests_between_are_answered_in_order() {
    let server = Server::with(with_probes(), say_target);
    let mut client = server.connect();
    let round = get("/-/live") + &get("/one") + &get("/-/ready");
    client.send(round.repeat(100));
    for _ in 0..100 {
        for body in ["live\n", "/one", "ready\n"] {
            assert_eq!(client.answer().text(), body);
        }
    }
}

#[test]
fn without_a_path_for_checks_a_target_without_a_path_is_the_applications() {
    let server = Server::with(config(), say_target);
    let mut client = server.connect();
    client.send("GET http://test HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.answer().text(), "http://test");
    assert_eq!(server.stats().health_checks, 0);
}

#[test]
fn other_methods_and_longer_paths_are_the_applications() {
    let server = Server::with(with_probes(), say_target);
    let mut client = server.connect();
    assert_eq!(client.ask(post("/-/live", "x")).text(), "/-/live");
    assert_eq!(client.ask(get("/-/live/")).text(), "/-/live/");
    assert_eq!(client.ask(get("/-/reads")).text(), "/-/reads");
    assert_eq!(server.stats().health_checks, 0);
}

#[test]
fn an_empty_path_turns_a_check_off() {
    let server = Server::with(config(), say_target);
    assert_eq!(server.connect().ask(get("/-/live")).text(), "/-/live");
}

#[test]
fn they_are_answered_while_every_thread_is_blocked_and_requests_wait() {
    let gate = Arc::new(Gate::default());
    let config = Config { threads: 2, ..with_probes() };
    let server = Server::with(config, {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"");
        }
    });
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/blocks"));
    }
    gate.wait_for(2);
    let mut probe = server.connect();
    for _ in 0..10 {
        assert_eq!(probe.ask(get("/-/live")).text(), "live\n");
        assert_eq!(probe.ask(get("/-/ready")).text(), "ready\n");
    }
    assert_eq!(gate.waiting(), 2);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}

/// Two threads that are blocked at the gate, and the clients of two requests that fill the queue.
fn crowded(gate: &Arc<Gate>, timeout: Duration) -> (Server, Vec<Client>) {
    let config = Config { threads: 2, queue: 2, timeout, ..with_probes() };
    let server = Server::with(config, {
        let gate = Arc::clone(gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"");
        }
    });
    let mut clients = Vec::new();
    for number in 1..=4 {
        let mut client = server.connect();
        client.send(get("/blocks"));
        clients.push(client);
        gate.wait_for(number.min(2));
    }
    (server, clients)
}

#[test]
fn a_full_queue_is_not_ready_and_an_emptied_one_is() {
    let gate = Arc::new(Gate::default());
    let (server, mut clients) = crowded(&gate, Duration::ZERO);
    let mut probe = server.connect();
    until("the queue is full", || probe.ask(get("/-/ready")).status == 503);
    let told = probe.ask(get("/-/ready"));
    assert_eq!((told.text(), told.closes()), ("not ready: the queue is full\n", false));
    assert_eq!(probe.ask(get("/-/live")).status, 200);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(probe.ask(get("/-/ready")).status, 200);
}

#[test]
fn requests_that_timed_out_in_the_queue_take_no_room_in_it() {
    let gate = Arc::new(Gate::default());
    let (server, mut clients) = crowded(&gate, Duration::from_millis(100));
    for client in &mut clients {
        assert_eq!(client.answer().status, 504);
    }
    let mut late = [server.connect(), server.connect()];
    assert_eq!(late[0].ask(get("/-/ready")).text(), "ready\n");
    for client in &mut late {
        client.send(get("/blocks"));
    }
    for client in &mut late {
        assert_eq!(client.answer().status, 504, "not 503");
    }
    assert_eq!((gate.waiting(), server.stats().requests_turned_away), (2, 0));
    gate.open();
}

#[test]
fn readiness_can_be_withdrawn_while_everything_is_still_served() {
    let server = Server::with(with_probes(), say_target);
    server.engine().withdraw_readiness();
    let mut client = server.connect();
    let answer = client.ask(get("/-/ready"));
    assert_eq!((answer.status, answer.closes()), (503, false));
    assert_eq!(client.ask(get("/-/live")).status, 200);
    assert_eq!(client.ask(get("/other")).text(), "/other");
}

#[test]
fn a_server_that_drains_is_alive_and_not_ready() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(with_probes(), {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            if target(exchange) == "/blocks" {
                gate.pass();
            }
            answer(exchange, b"");
        }
    });
    let mut blocked = server.connect();
    blocked.send(get("/blocks"));
    gate.wait_for(1);
    let (mut live, mut ready) = (server.connect(), server.connect());
    for client in [&mut live, &mut ready] {
        assert_eq!(client.ask(get("/-/ready")).status, 200);
    }
    server.engine().drain();
    server.wait_until_stopped_accepting();
    let answer = ready.ask(get("/-/ready"));
    assert_eq!((answer.status, answer.closes()), (503, true));
    let answer = live.ask(get("/-/live"));
    assert_eq!((answer.status, answer.closes()), (200, true));
    gate.open();
    assert_eq!(blocked.answer().status, 200);
    server.wait_until_drained();
}
