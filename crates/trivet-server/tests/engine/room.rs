//! As many connections, waiting requests and requests on a connection as there may be.

use std::io::BufRead;
use std::sync::Arc;

use trivet_server::{Config, Exchange, LogFormat};

use crate::client::{Client, get};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, config, say_target, target};

fn waiting_at(gate: &Arc<Gate>) -> impl Fn(&mut Exchange<Fake>) + Send + Sync + use<> {
    let gate = Arc::clone(gate);
    move |exchange: &mut Exchange<Fake>| {
        if target(exchange) == "/wait" {
            gate.pass();
        }
        say_target(exchange);
    }
}

#[test]
fn the_connections_that_idle_for_longest_make_room_for_new_ones() {
    let server = Server::with(Config { connections: Some(20), ..config() }, say_target);
    let mut clients: Vec<Client> = Vec::new();
    for number in 0..21 {
        let mut client = server.connect();
        assert_eq!(client.ask(get(&format!("/{number}"))).status, 200);
        clients.push(client);
    }
    clients[0].expect_end();
    let newest = clients.last_mut().unwrap();
    assert_eq!(newest.ask(get("/again")).text(), "/again");
    let stats = server.stats();
    assert!((1..=16).contains(&stats.connections_shed), "{stats:?}");
    assert!(stats.connections_open <= 20 && stats.accepts_failed == 0, "{stats:?}");
}

#[test]
fn new_connections_wait_while_none_is_idle() {
    let server = Server::with(Config { connections: Some(2), ..config() }, say_target);
    let mut first = server.connect();
    first.send("GET /first HTTP/1.1\r\n");
    let mut second = server.connect();
    second.send("GET /second HTTP/1.1\r\n");
    until("both are accepted", || server.stats().connections_accepted == 2);
    let mut third = server.connect();
    third.send(get("/third"));
    until("the third has to wait", || server.stats().accepts_held_back >= 1);
    assert!(third.has_nothing());
    assert_eq!(server.stats().connections_open, 2);
    first.leave();
    assert_eq!(third.answer().text(), "/third");
    assert_eq!(second.ask("Host: test\r\n\r\n").text(), "/second");
}

#[test]
fn the_last_request_of_a_connection_is_told_that_it_was_the_last() {
    let most = Config { requests_per_connection: Some(3), ..config() };
    let server = Server::with(most, say_target);
    let mut client = server.connect();
    for (target, closes) in [("/1", false), ("/2", false), ("/3", true)] {
        let answer = client.ask(get(target));
        assert_eq!((answer.text(), answer.closes()), (target, closes));
    }
    client.finish_sending();
    client.expect_end();
    // The count is of one connection.
    assert!(!server.connect().ask(get("/other")).closes());
}

#[test]
fn requests_beyond_the_queue_are_turned_away_and_the_others_answered() {
    let gate = Arc::new(Gate::default());
    let few = Config { threads: 2, queue: 5, ..config() };
    let server = Server::with(few, waiting_at(&gate));
    let mut busy: Vec<Client> = Vec::new();
    for number in 1..=2 {
        let mut client = server.connect();
        client.send(get("/wait"));
        gate.wait_for(number);
        busy.push(client);
    }
    let mut clients: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = server.connect();
            client.send(get("/queued"));
            client
        })
        .collect();
    until("three are turned away", || server.stats().requests_turned_away == 3);
    gate.open();
    let answers: Vec<_> = clients.iter_mut().map(Client::answer).collect();
    let turned_away: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert_eq!(turned_away.len(), 3);
    for answer in turned_away {
        assert_eq!((answer.field("Retry-After"), answer.closes()), (Some("1"), true));
    }
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
    for client in &mut busy {
        assert_eq!(client.answer().text(), "/wait");
    }
    assert_eq!(server.stats().requests_rejected, 3);
}

#[test]
fn a_request_that_is_turned_away_is_in_the_log_and_gets_no_body_after_head() {
    let gate = Arc::new(Gate::default());
    let ready_path = b"/ready".to_vec();
    let log_format = Some(LogFormat::Text);
    let few = Config { threads: 1, queue: 1, ready_path, access_log: log_format, ..config() };
    let server = Server::with(few, waiting_at(&gate));
    let mut log = server.access_log();
    let (mut busy, mut queued) = (server.connect(), server.connect());
    busy.send(get("/wait"));
    gate.wait_for(1);
    queued.send(get("/queued"));
    until("the queue is full", || server.connect().ask(get("/ready")).status == 503);
    let mut client = server.connect();
    client.send("HEAD /turned-away HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.rest();
    assert!(head.starts_with(b"HTTP/1.1 503 ") && head.ends_with(b"\r\n\r\n"), "{head:?}");
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains(" \"HEAD /turned-away HTTP/1.1\" 503 "), "{line}");
    gate.open();
    assert_eq!(busy.answer().text(), "/wait");
}

#[test]
fn a_full_worker_takes_a_connection_that_no_other_worker_takes() {
    let gate = Arc::new(Gate::default());
    let few = Config { threads: 1, queue: 1, shares_listeners: true, ..config() };
    let server = Server::with(few, waiting_at(&gate));
    let mut busy = server.connect();
    busy.send(get("/wait"));
    gate.wait_for(1);
    let mut queued = server.connect();
    queued.send(get("/queued"));
    until("it is accepted", || server.stats().connections_accepted == 2);
    let mut late = server.connect();
    late.send(get("/late"));
    assert_eq!(late.answer().status, 503);
    gate.open();
    assert_eq!(busy.answer().text(), "/wait");
    assert_eq!(queued.answer().text(), "/queued");
}
