//! Clients that keep the server waiting. Deadlines are looked at about once a second.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use trivet_server::{BodyError, Config, Exchange, Sent};

use crate::client::{chunked_head, get, pattern, post_head};
use crate::gate::{Gate, PATIENCE, until};
use crate::server::{
    Fake, Server, answer, config, echo, read_all, say_target, send, start, target,
};

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_head_that_does_not_come_to_its_end_is_answered_with_408() {
    let server = Server::with(Config { header_timeout: SHORT, ..config() }, say_target);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    client.expect_end();
}

#[test]
fn a_client_that_says_nothing_is_closed_without_a_word() {
    let server = Server::with(Config { header_timeout: SHORT, ..config() }, say_target);
    server.connect().expect_end();
    server.wait_until_closed();
    assert_eq!(server.stats().requests_rejected, 0);
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed() {
    let server = Server::with(Config { keep_alive: SHORT, ..config() }, say_target);
    let mut client = server.connect();
    assert_eq!(client.ask(get("/")).status, 200);
    client.expect_end();
    server.wait_until_closed();
}

#[test]
fn an_idle_connection_that_came_back_from_a_blocked_thread_is_closed_too() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(Config { keep_alive: SHORT, ..config() }, {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"");
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    gate.wait_for(1);
    until("the token is with others", || server.stats().steals == 1);
    gate.open();
    assert_eq!(client.answer().status, 200);
    client.expect_end();
    server.wait_until_closed();
}

#[test]
fn a_body_that_stops_before_the_application_is_called_is_answered_with_408() {
    let server = Server::with(Config { body_timeout: SHORT, ..config() }, echo);
    for beginning in [post_head("/", 10) + "half", chunked_head("/") + "5\r\nhal"] {
        let mut client = server.connect();
        client.send(beginning);
        assert_eq!(client.answer().status, 408);
        client.expect_end();
    }
    server.wait_until_closed();
}

#[test]
fn a_body_that_stops_in_the_application_is_an_error_there() {
    let (told, seen) = channel();
    let server = Server::with(
        Config { body_timeout: SHORT, ..config() },
        move |exchange: &mut Exchange<Fake>| {
            told.send(read_all(exchange).unwrap_err()).unwrap();
            exchange.answer_failure();
        },
    );
    let mut client = server.connect();
    client.send(post_head("/", 1_000_000));
    client.send(pattern(100_000));
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), BodyError::Stalled);
    client.finish_sending();
    client.expect_end();
}

#[test]
fn a_client_that_takes_nothing_of_a_queued_answer_is_closed() {
    let body = Arc::<[u8]>::from(pattern(24 * 1024 * 1024));
    let server = Server::with(Config { write_timeout: SHORT, ..config() }, {
        let body = Arc::clone(&body);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            exchange.send_whole(&body, || Arc::clone(&body));
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    until("the answer is queued", || server.stats().requests == 1);
    server.wait_until_closed();
    assert_eq!(server.stats().answers_cut, 1);
    until("the body is let go", || Arc::strong_count(&body) == 2);
}

#[test]
fn a_stream_whose_client_takes_nothing_is_told_that_it_left() {
    let (told, seen) = channel();
    let server = Server::with(
        Config { write_timeout: SHORT, ..config() },
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            let part = pattern(100_000);
            let last = loop {
                match send(exchange, &part) {
                    Sent::Ok | Sent::Queued => {}
                    Sent::Full => match exchange.wait_for_room() {
                        Sent::Ok => {}
                        last => break last,
                    },
                    last => break last,
                }
            };
            told.send(last).unwrap();
            exchange.end_body();
        },
    );
    let mut client = server.connect();
    client.send(get("/"));
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), Sent::ClientLeft);
    server.wait_until_closed();
}

#[test]
fn a_body_that_nobody_reads_and_that_does_not_come_ends_the_connection() {
    let server = Server::with(Config { body_timeout: SHORT, ..config() }, say_target);
    let mut client = server.connect();
    // More than is read ahead, less than what is thrown away to save the connection.
    client.send(post_head("/", 200_000));
    client.send(pattern(50_000));
    assert_eq!(client.answer().text(), "/");
    client.expect_end_or_reset();
    server.wait_until_closed();
}

#[test]
fn deadlines_hold_while_every_thread_is_blocked() {
    let gate = Arc::new(Gate::default());
    let config = Config { header_timeout: SHORT, threads: 1, ..config() };
    let server = Server::with(config, {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"");
        }
    });
    let mut waiting = server.connect();
    waiting.send(get("/"));
    gate.wait_for(1);
    let mut slow = server.connect();
    slow.send("GET /");
    assert_eq!(slow.answer().status, 408);
    gate.open();
    assert_eq!(waiting.answer().status, 200);
}

#[test]
fn a_request_that_came_in_time_is_answered_even_if_the_server_looks_late() {
    let gate = Arc::new(Gate::default());
    let server =
        Server::holding_the_token(Config { keep_alive: Duration::from_secs(1), ..config() }, {
            let gate = Arc::clone(&gate);
            move |exchange: &mut Exchange<Fake>| {
                if target(exchange) == "/hold" {
                    gate.pass();
                }
                say_target(exchange);
            }
        });
    let mut kept = server.connect();
    assert_eq!(kept.ask(get("/first")).status, 200);
    let answered = Instant::now();
    let mut holding = server.connect();
    holding.send(get("/hold"));
    gate.wait_for(1);
    kept.send(get("/second"));
    assert!(answered.elapsed() < Duration::from_millis(900), "this machine is too slow");
    until("the deadline is over", || answered.elapsed() > Duration::from_millis(2200));
    gate.open();
    assert_eq!(kept.answer().text(), "/second");
}

#[test]
fn a_head_that_comes_drop_by_drop_is_ended_by_its_timeout_all_the_same() {
    let server = Server::with(Config { header_timeout: SHORT, ..config() }, say_target);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX: ");
    let began = Instant::now();
    until("the head is refused", || {
        // One byte each millisecond; the end of the patience comes before the limit of heads.
        let _ = client.try_send(b"x");
        server.stats().requests_rejected == 1
    });
    assert_eq!(client.answer().status, 408);
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
}
