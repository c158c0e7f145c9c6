//! The graceful stop: everybody who is connected or accepted gets an answer, then all is over.

use std::sync::Arc;

use trivet_server::Exchange;

use crate::client::{get, pattern, post_head};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, answer, config, echo, say_target, start, target};

#[test]
fn without_connections_it_is_over_at_once() {
    let server = Server::new(say_target);
    assert!(!server.is_drained());
    server.engine().drain();
    server.wait_until_stopped_accepting();
    server.wait_until_drained();
}

#[test]
fn an_idle_connection_is_closed() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    assert_eq!(client.ask(get("/")).status, 200);
    server.engine().drain();
    client.expect_end();
    server.wait_until_drained();
    assert_eq!(server.stats().connections_open, 0);
}

#[test]
fn a_request_that_follows_shortly_after_another_is_still_answered() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    assert_eq!(client.ask(get("/")).status, 200);
    server.engine().drain();
    server.wait_until_stopped_accepting();
    let answer = client.ask(get("/last"));
    assert_eq!((answer.text(), answer.closes()), ("/last", true));
    client.expect_end();
    server.wait_until_drained();
}

#[test]
fn a_request_in_flight_is_answered_and_its_connection_closed() {
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"done");
        }
    });
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    gate.wait_for(3);
    server.engine().drain();
    server.wait_until_stopped_accepting();
    assert!(!server.is_drained());
    gate.open();
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("done", true));
        client.expect_end();
    }
    server.wait_until_drained();
}

#[test]
fn a_half_sent_request_may_be_finished() {
    let server = Server::new(echo);
    let mut head = server.connect();
    head.send("GET / HTTP/1.1\r\nHo");
    let mut body = server.connect();
    body.send(post_head("/", 10) + "12345");
    let mut streamed = server.connect();
    streamed.send(post_head("/", 200_000));
    streamed.send(&pattern(200_000)[..100_000]);
    until("the large body is with the application", || server.stats().threads >= 2);
    server.engine().drain();
    server.wait_until_stopped_accepting();
    head.send("st: test\r\n\r\n");
    assert!(head.answer().closes());
    body.send("67890");
    assert_eq!(body.answer().text(), "1234567890");
    streamed.send(&pattern(200_000)[100_000..]);
    assert!(streamed.answer().body == pattern(200_000));
    server.wait_until_drained();
}

#[test]
fn connections_that_the_kernel_has_accepted_before_are_answered() {
    let gate = Arc::new(Gate::default());
    // The view keeps the token, so that nobody accepts.
    let server = Server::holding_the_token(config(), {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            if target(exchange) == "/wait" {
                gate.pass();
            }
            say_target(exchange);
        }
    });
    let mut waiting = server.connect();
    waiting.send(get("/wait"));
    gate.wait_for(1);
    let mut accepted: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut accepted {
        client.send(get("/accepted"));
    }
    server.engine().drain();
    assert_eq!(server.stats().connections_accepted, 1);
    gate.open();
    assert_eq!(waiting.answer().text(), "/wait");
    for client in &mut accepted {
        let answer = client.answer();
        assert_eq!((answer.text(), answer.closes()), ("/accepted", true));
    }
    server.wait_until_drained();
    assert_eq!(server.stats().connections_accepted, 21);
}

#[test]
fn a_queued_answer_is_sent_to_its_end() {
    let body = Arc::<[u8]>::from(pattern(24 * 1024 * 1024));
    let server = Server::new({
        let body = Arc::clone(&body);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            exchange.send_whole(&body, || Arc::clone(&body));
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    until("the answer is queued", || server.stats().requests == 1);
    server.engine().drain();
    server.wait_until_stopped_accepting();
    assert!(client.answer().body == *body);
    client.expect_end();
    server.wait_until_drained();
}

#[test]
fn pipelined_requests_end_after_the_first_answer_that_says_so() {
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            say_target(exchange);
        }
    });
    let mut client = server.connect();
    client.send(get("/first") + &get("/second"));
    gate.wait_for(1);
    server.engine().drain();
    server.wait_until_stopped_accepting();
    gate.open();
    assert!(client.answer().closes());
    client.finish_sending();
    client.expect_end();
    server.wait_until_drained();
}

#[test]
fn a_stop_that_is_asked_for_under_load_answers_whatever_was_taken() {
    let server = Server::new(say_target);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = server.connect();
                loop {
                    let answer = client.ask(get("/"));
                    assert_eq!(answer.text(), "/");
                    if answer.closes() {
                        client.expect_end();
                        return;
                    }
                }
            });
        }
        until("there is load", || server.stats().requests > 200);
        server.engine().drain();
    });
    server.wait_until_drained();
    assert_eq!(server.stats().connections_open, 0);
}
