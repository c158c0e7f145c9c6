//! What is refused before the application sees it, and that refusals reach the client.

use trivet_server::Config;
use trivet_server::http::Limits;

use crate::client::{chunked_head, chunks, get, pattern, post, post_head};
use crate::server::{Server, config, echo, say_target};

#[test]
fn requests_beyond_the_limits_are_refused_and_the_connection_ends() {
    let limits =
        Limits { request_line_bytes: 100, head_bytes: 400, fields: 4, ..Limits::default() };
    let server = Server::with(Config { limits, ..config() }, say_target);
    let long_line = get(&format!("/{}", "a".repeat(200)));
    let large_head = format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "a".repeat(500));
    let many_fields = format!("GET / HTTP/1.1\r\nHost: test\r\n{}\r\n", "X: a\r\n".repeat(5));
    for (request, status) in [(long_line, 414), (large_head, 431), (many_fields, 431)] {
        let mut client = server.connect();
        let answer = client.ask(&request);
        assert_eq!((answer.status, answer.closes()), (status, true), "{request}");
        client.finish_sending();
        client.expect_end();
    }
    server.wait_until_closed();
    let stats = server.stats();
    assert_eq!((stats.requests, stats.requests_rejected), (0, 3));
}

#[test]
fn a_head_without_an_end_is_refused_at_the_limit() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX: ");
    // The server may have refused and closed before all of it is sent.
    let _ = client.try_send("a".repeat(100 * 1024).as_bytes());
    assert_eq!(client.answer().status, 431);
}

#[test]
fn what_is_not_http_gets_an_explanation() {
    let server = Server::new(say_target);
    for request in
        ["\x16\x03\x01\x02\x00\x01\x00\x01\r\n", "HELLO\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]
    {
        let mut client = server.connect();
        let answer = client.ask(request);
        assert_eq!((answer.status, answer.closes()), (400, true), "{request:?}");
        assert!(!answer.body.is_empty());
        client.finish_sending();
        client.expect_end();
    }
    server.wait_until_closed();
}

#[test]
fn a_bad_request_behind_good_ones_ends_the_connection_after_their_answers() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    client.send(get("/one") + &get("/two") + "BAD\r\n\r\n" + &get("/never"));
    assert_eq!(client.answer().text(), "/one");
    assert_eq!(client.answer().text(), "/two");
    assert_eq!(client.answer().status, 400);
    client.finish_sending();
    client.expect_end();
}

#[test]
fn a_body_above_the_limit_is_refused_however_it_comes() {
    let server = Server::with(Config { body_limit: Some(100_000), ..config() }, echo);
    assert_eq!(server.connect().ask(post_head("/", 100_001)).status, 413);

    // Streamed: the application meets the limit.
    let mut client = server.connect();
    client.send(chunked_head("/"));
    let _ = client.try_send(&chunks(&pattern(300_000), 1000));
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (413, true));

    let mut client = server.connect();
    let exactly = pattern(100_000);
    client.send(post_head("/", exactly.len()));
    client.send(&exactly);
    assert!(client.answer().body == exactly);
    client.send(chunked_head("/"));
    client.send(chunks(&exactly, 1000));
    assert!(client.answer().body == exactly);
}

#[test]
fn a_small_chunked_body_above_the_limit_never_reaches_the_application() {
    let server = Server::with(Config { body_limit: Some(10), ..config() }, echo);
    let mut client = server.connect();
    client.send(chunked_head("/"));
    client.send(chunks(b"more than ten bytes", 4));
    assert_eq!(client.answer().status, 413);
    assert_eq!(server.connect().ask(post("/", "ten bytes!")).text(), "ten bytes!");
    server.wait_for_requests(1);
}
