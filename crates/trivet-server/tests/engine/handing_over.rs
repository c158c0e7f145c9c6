//! The hand-over: connections go on in another engine, requests that have begun are answered here.

use std::sync::Arc;

use trivet_server::{Engine, Exchange, HandedOver};

use crate::client::{get, pattern, post_head};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, answer, config, echo, say_target, send, start};

/// Says which engine answers, after the gate for all but "/".
fn named(name: &'static str, gate: &Arc<Gate>) -> impl Fn(&mut Exchange<Fake>) + use<> {
    let gate = Arc::clone(gate);
    move |exchange| {
        if crate::server::target(exchange) != "/" {
            gate.pass();
        }
        answer(exchange, name.as_bytes());
    }
}

/// Waits until so many connections have come out of an engine.
fn handed_over(engine: &Engine<Fake>, count: usize) -> Vec<HandedOver> {
    let mut taken = Vec::new();
    until("the connections are handed over", || {
        taken.extend(engine.take_handed_over());
        taken.len() >= count
    });
    assert_eq!(taken.len(), count);
    taken
}

/// Gives so many connections from one engine to the other.
fn move_over(from: &Server, to: &Server, count: usize) {
    for connection in handed_over(from.engine(), count) {
        to.engine().adopt(connection);
    }
}

#[test]
fn without_connections_it_is_over_at_once() {
    let server = Server::new(say_target);
    server.engine().hand_over();
    server.wait_until_stopped_accepting();
    server.wait_until_drained();
    assert!(server.engine().take_handed_over().is_empty());
}

#[test]
fn an_idle_connection_goes_on_elsewhere() {
    let gate = Arc::new(Gate::default());
    let (old, new) = (Server::new(named("old", &gate)), Server::new(named("new", &gate)));
    let mut client = old.connect();
    assert_eq!(client.ask(get("/")).text(), "old");
    old.engine().hand_over();
    move_over(&old, &new, 1);
    for _ in 0..3 {
        let answer = client.ask(get("/"));
        assert_eq!((answer.text(), answer.closes()), ("new", false));
    }
    old.wait_until_drained();
    assert_eq!((old.stats().connections_open, new.stats().connections_open), (0, 1));
}

#[test]
fn a_request_that_comes_while_nobody_has_the_connection_is_answered() {
    let gate = Arc::new(Gate::default());
    let (old, new) = (Server::new(named("old", &gate)), Server::new(named("new", &gate)));
    let mut client = old.connect();
    assert_eq!(client.ask(get("/")).text(), "old");
    old.engine().hand_over();
    let taken = handed_over(old.engine(), 1);
    client.send(get("/"));
    for connection in taken {
        new.engine().adopt(connection);
    }
    assert_eq!(client.answer().text(), "new");
}

#[test]
fn a_request_in_flight_is_answered_and_its_connection_follows() {
    let gate = Arc::new(Gate::default());
    let (old, new) = (Server::new(named("old", &gate)), Server::new(named("new", &gate)));
    let mut clients: Vec<_> = (0..3).map(|_| old.connect()).collect();
    for client in &mut clients {
        client.send(get("/slow"));
    }
    gate.wait_for(3);
    old.engine().hand_over();
    old.wait_until_stopped_accepting();
    assert!(!old.is_drained());
    gate.open();
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("old", false));
    }
    move_over(&old, &new, 3);
    for client in &mut clients {
        assert_eq!(client.ask(get("/")).text(), "new");
    }
    old.wait_until_drained();
}

#[test]
fn a_pipelined_request_goes_with_its_connection() {
    let gate = Arc::new(Gate::default());
    let (old, new) = (Server::new(named("old", &gate)), Server::new(named("new", &gate)));
    let mut client = old.connect();
    client.send(get("/slow") + &get("/") + &get("/"));
    gate.wait_for(1);
    old.engine().hand_over();
    old.wait_until_stopped_accepting();
    gate.open();
    assert_eq!(client.answer().text(), "old");
    move_over(&old, &new, 1);
    assert_eq!(client.answer().text(), "new");
    assert_eq!(client.answer().text(), "new");
}

#[test]
fn what_has_been_read_of_a_request_goes_along() {
    let (old, new) = (Server::new(echo), Server::new(echo));
    let mut head = old.connect();
    head.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Le");
    let mut body = old.connect();
    body.send(post_head("/", 10) + "12345");
    until("both are accepted", || old.stats().connections_accepted == 2);
    // An answer on a third connection, sent later, says that the first two have been read.
    let mut later = old.connect();
    assert_eq!(later.ask(get("/")).status, 200);
    old.engine().hand_over();
    let taken = handed_over(old.engine(), 3);
    assert!(taken.iter().filter(|connection| !connection.received.is_empty()).count() >= 2);
    for connection in taken {
        new.engine().adopt(connection);
    }
    head.send("ngth: 3\r\n\r\nabc");
    assert_eq!(head.answer().text(), "abc");
    body.send("67890");
    assert_eq!(body.answer().text(), "1234567890");
}

#[test]
fn a_body_in_flight_ends_where_it_began() {
    let (old, new) = (Server::new(echo), Server::new(say_target));
    let mut client = old.connect();
    client.send(post_head("/", 200_000));
    client.send(&pattern(200_000)[..100_000]);
    until("the body is with the application", || old.stats().requests_begun == 1);
    old.engine().hand_over();
    old.wait_until_stopped_accepting();
    client.send(&pattern(200_000)[100_000..]);
    assert!(client.answer().body == pattern(200_000));
    move_over(&old, &new, 1);
    assert_eq!(client.ask(get("/next")).text(), "/next");
    old.wait_until_drained();
}

#[test]
fn complete_requests_without_a_thread_begin_elsewhere() {
    let gate = Arc::new(Gate::default());
    let mut narrow = config();
    narrow.threads = 1;
    let old = Server::with(narrow, named("old", &gate));
    let new = Server::new(named("new", &gate));
    let mut running = old.connect();
    running.send(get("/slow"));
    gate.wait_for(1);
    let mut waiting = old.connect();
    waiting.send(get("/"));
    until("the second is accepted", || old.stats().connections_accepted == 2);
    old.engine().hand_over();
    old.wait_until_stopped_accepting();
    move_over(&old, &new, 1);
    assert_eq!(waiting.answer().text(), "new");
    gate.open();
    assert_eq!(running.answer().text(), "old");
    move_over(&old, &new, 1);
}

#[test]
fn a_stream_is_not_handed_over_before_its_end() {
    let gate = Arc::new(Gate::default());
    let old = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            send(exchange, b"first");
            gate.pass();
            send(exchange, b"last");
            exchange.end_body();
        }
    });
    let mut client = old.connect();
    client.send(get("/"));
    gate.wait_for(1);
    old.engine().hand_over();
    old.wait_until_stopped_accepting();
    assert!(old.engine().take_handed_over().is_empty());
    gate.open();
    assert_eq!(client.answer().text(), "firstlast");
    handed_over(old.engine(), 1);
}

#[test]
fn what_comes_to_an_engine_that_hands_over_is_handed_on() {
    let gate = Arc::new(Gate::default());
    let servers = ["first", "second", "third"].map(|name| Server::new(named(name, &gate)));
    let [first, second, third] = &servers;
    let mut client = first.connect();
    assert_eq!(client.ask(get("/")).text(), "first");
    first.engine().hand_over();
    let taken = handed_over(first.engine(), 1);
    second.engine().hand_over();
    second.wait_until_drained();
    for connection in taken {
        second.engine().adopt(connection);
    }
    move_over(second, third, 1);
    assert_eq!(client.ask(get("/")).text(), "third");
}

#[test]
fn connections_pass_from_engine_to_engine_under_load() {
    let mut old = Server::new(say_target);
    let clients: Vec<_> = (0..8).map(|_| old.connect()).collect();
    let rounds = std::sync::atomic::AtomicU64::new(0);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for mut client in clients {
            let (rounds, over) = (&rounds, &over);
            scope.spawn(move || {
                while !over.load(std::sync::atomic::Ordering::SeqCst) {
                    let answer = client.ask(get("/x"));
                    assert_eq!((answer.text(), answer.closes()), ("/x", false));
                    rounds.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
        for _ in 0..20 {
            let before = rounds.load(std::sync::atomic::Ordering::SeqCst);
            until("requests are answered", || {
                rounds.load(std::sync::atomic::Ordering::SeqCst) > before + 50
            });
            let new = Server::new(say_target);
            old.engine().hand_over();
            move_over(&old, &new, 8);
            old.wait_until_drained();
            old = new;
        }
        over.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}
