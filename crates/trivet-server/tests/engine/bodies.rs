//! Request bodies: read ahead or as they come, however they are framed and cut, read or not.

use std::sync::Arc;

use trivet_server::http::error;
use trivet_server::{BodyBytes, BodyError, Exchange};

use crate::client::{chunked_head, chunks, get, pattern, post, post_head};
use crate::gate::Gate;
use crate::server::{Fake, Server, answer, echo, read_all, say_target, send, start};

/// Well above what is read ahead of the application.
const LARGE: usize = 1024 * 1024;

/// Says how often the body had to be waited for, and how long it was.
fn count_waits(exchange: &mut Exchange<Fake>) {
    let (body, waits) = read_all(exchange).unwrap();
    answer(exchange, format!("{} bytes, {waits} waits", body.len()).as_bytes());
}

#[test]
fn a_small_body_is_whole_before_the_application_is_called() {
    let server = Server::new(count_waits);
    let mut client = server.connect();
    client.send(post_head("/", 10));
    client.send("12345");
    // Another request is answered in between, so the first half has been read for itself.
    server.connect().ask(get("/"));
    client.send("67890");
    assert_eq!(client.answer().text(), "10 bytes, 0 waits");

    client.send(chunked_head("/"));
    client.send("5\r\n123");
    server.connect().ask(get("/"));
    client.send("45\r\n5\r\n67890\r\n0\r\n");
    server.connect().ask(get("/"));
    client.send("\r\n");
    assert_eq!(client.answer().text(), "10 bytes, 0 waits");
}

#[test]
fn a_large_body_is_read_as_it_comes() {
    let server = Server::new(echo);
    let body = pattern(LARGE);
    let mut client = server.connect();
    for _ in 0..2 {
        client.send(post_head("/", body.len()));
        let mut sender = client.stream();
        std::thread::scope(|scope| {
            scope.spawn(|| std::io::Write::write_all(&mut sender, &body).unwrap());
            assert!(client.answer().body == body);
        });
    }
}

#[test]
fn the_application_starts_before_a_large_body_is_whole() {
    for (head, body) in [
        (post_head("/", LARGE), pattern(LARGE)),
        (chunked_head("/"), chunks(&pattern(LARGE), 10_000)),
    ] {
        let gate = Arc::new(Gate::default());
        let server = Server::new({
            let gate = Arc::clone(&gate);
            move |exchange: &mut Exchange<Fake>| {
                gate.pass();
                echo(exchange);
            }
        });
        let mut client = server.connect();
        client.send(head);
        client.send(&body[..40 * 1024]);
        gate.wait_for(1);
        gate.open();
        client.send(&body[40 * 1024..]);
        assert!(client.answer().body == pattern(LARGE));
    }
}

#[test]
fn chunks_of_any_size_make_the_same_body() {
    let server = Server::new(echo);
    let body = pattern(200_000);
    let mut client = server.connect();
    for size in [7, 4096, 16_383, 65_536, 200_000] {
        client.send(chunked_head("/"));
        let (mut sender, sent) = (client.stream(), chunks(&body, size));
        std::thread::scope(|scope| {
            scope.spawn(|| std::io::Write::write_all(&mut sender, &sent).unwrap());
            assert!(client.answer().body == body, "in chunks of {size}");
        });
    }
}

#[test]
fn a_chunked_body_cut_at_any_byte_is_the_same_and_so_is_the_next_request() {
    let server = Server::new(echo);
    let mut all = chunked_head("/").into_bytes();
    all.extend(chunks(b"hello, body", 4));
    all.extend(post("/", "next").into_bytes());
    let mut client = server.connect();
    for cut in 1..all.len() {
        client.send(&all[..cut]);
        client.send(&all[cut..]);
        assert_eq!(client.answer().text(), "hello, body", "cut at byte {cut}");
        assert_eq!(client.answer().text(), "next", "cut at byte {cut}");
    }
}

#[test]
fn the_request_after_a_large_body_is_not_lost() {
    let server = Server::new(echo);
    let body = pattern(LARGE);
    for mut all in [
        [post_head("/", LARGE).into_bytes(), body.clone()].concat(),
        [chunked_head("/").into_bytes(), chunks(&body, 33_333)].concat(),
    ] {
        all.extend(post("/", "next").into_bytes());
        let mut client = server.connect();
        let mut sender = client.stream();
        std::thread::scope(|scope| {
            scope.spawn(|| std::io::Write::write_all(&mut sender, &all).unwrap());
            assert!(client.answer().body == body);
            assert_eq!(client.answer().text(), "next");
        });
    }
}

#[test]
fn a_read_gives_no_more_than_it_was_asked_for() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        let mut body = Vec::new();
        loop {
            match exchange.read_body(3).unwrap() {
                BodyBytes::Some(bytes) => {
                    assert!((1..=3).contains(&bytes.len()));
                    body.extend_from_slice(bytes);
                }
                BodyBytes::End => break,
                BodyBytes::NotYet => unreachable!("the body was read ahead"),
            }
        }
        assert!(!exchange.has_body());
        assert_eq!(exchange.body_rest(), Some(0));
        answer(exchange, &body);
    });
    let mut client = server.connect();
    assert_eq!(client.ask(post("/", "ten bytes.")).text(), "ten bytes.");
    client.send(chunked_head("/"));
    client.send(chunks(b"in chunks of seven", 7));
    assert_eq!(client.answer().text(), "in chunks of seven");
}

#[test]
fn a_small_body_that_nobody_reads_is_thrown_away_and_the_connection_stays() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    for _ in 0..3 {
        client.send(post("/unread", "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(client.answer().text(), "/unread");
        client.send(chunked_head("/unread"));
        client.send(chunks(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 9));
        assert_eq!(client.answer().text(), "/unread");
    }
    // Larger than what is read ahead, so that its rest is still on the way.
    let body = pattern(200 * 1024);
    client.send(post_head("/unread", body.len()));
    client.send(&body);
    assert_eq!(client.answer().text(), "/unread");
    assert_eq!(client.ask(get("/next")).text(), "/next");
    assert_eq!(server.stats().connections_accepted, 1);
}

#[test]
fn a_client_that_sends_a_large_body_that_nobody_reads_sees_the_answer() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    client.send(post_head("/unread", 8 * LARGE));
    client.send(pattern(8 * LARGE));
    client.finish_sending();
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("/unread", true));
    client.expect_end();
    server.wait_until_closed();
}

#[test]
fn a_client_that_waits_for_100_gets_it_when_the_application_reads() {
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            echo(exchange);
        }
    });
    let mut client = server.connect();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.send(head);
    gate.wait_for(1);
    assert!(client.has_nothing());
    gate.open();
    assert_eq!(client.answer_without_body().status, 100);
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
    // Once more on the same connection, with a body that does not wait for the word.
    client.send(format!("{head}again"));
    assert_eq!(client.answer().text(), "again");
}

#[test]
fn a_client_that_waits_for_100_gets_the_answer_alone_when_nobody_reads() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    client
        .send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let answer = client.answer();
    // Whether the body comes is not known, so nothing can follow on this connection.
    assert_eq!((answer.status, answer.text(), answer.closes()), (200, "/no", true));
    client.finish_sending();
    client.expect_end();
}

#[test]
fn a_client_that_waits_for_100_gets_it_when_the_head_is_begun_but_not_sent() {
    let server = Server::with(
        trivet_server::Config {
            body_timeout: std::time::Duration::from_secs(2),
            ..crate::server::config()
        },
        |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            match read_all(exchange) {
                Ok((body, _)) => {
                    send(exchange, &body);
                    exchange.end_body();
                }
                Err(_) => exchange.answer_failure(),
            }
        },
    );
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer_without_body().status, 100);
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn a_head_that_is_begun_can_still_be_changed_after_100_was_sent() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        read_all(exchange).unwrap();
        assert!(!exchange.head_is_sent());
        start(exchange, "404 Not Found");
        send(exchange, b"changed");
        exchange.end_body();
    });
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer_without_body().status, 100);
    client.send("hello");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (404, "changed"));
    assert!(!answer.head.contains("200 OK"), "{}", answer.head);
}

#[test]
fn chunks_that_break_the_framing_are_refused_before_or_in_the_application() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        let error = read_all(exchange).unwrap_err();
        assert_eq!(error, BodyError::Rejected(error::BAD_CHUNK_SIZE));
        assert!(exchange.body_failed());
        // The same again, not something new.
        assert_eq!(exchange.read_body(1), Err(error));
        assert_eq!(exchange.wait_for_body(), Err(error));
        exchange.answer_failure();
    });
    let mut client = server.connect();
    client.send(chunked_head("/"));
    client.send("xyz\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (400, true));
    client.expect_end_or_reset();
    assert_eq!(server.stats().requests, 0);

    let mut client = server.connect();
    client.send(chunked_head("/"));
    let mut body = chunks(&pattern(100_000), 100_000);
    body.truncate(body.len() - 5);
    client.send(body);
    client.send("xyz\r\n");
    assert_eq!(client.answer().status, 400);
    client.finish_sending();
    client.expect_end();
    server.wait_until_closed();
    server.wait_for_requests(1);
}

#[test]
fn a_body_that_waits_in_the_application_leaves_the_token_to_others() {
    let config = trivet_server::Config { threads: 2, ..crate::server::config() };
    let server = Server::with(config, echo);
    let mut slow = server.connect();
    slow.send(post_head("/", LARGE));
    slow.send(&pattern(LARGE)[..LARGE / 2]);
    for _ in 0..20 {
        assert_eq!(server.connect().ask(post("/", "quick")).text(), "quick");
    }
    slow.send(&pattern(LARGE)[LARGE / 2..]);
    assert!(slow.answer().body == pattern(LARGE));
}

#[test]
fn a_slow_small_body_starts_the_application_after_a_while() {
    let server = Server::new(count_waits);
    // So that there are threads enough.
    server.connect().ask(get("/"));
    let mut client = server.connect();
    client.send(post_head("/", 10));
    client.send("12345");
    crate::gate::until("the application waits", || server.stats().threads >= 2);
    client.send("67890");
    let answer = client.answer();
    assert!(answer.text().starts_with("10 bytes, "), "{}", answer.text());
}
