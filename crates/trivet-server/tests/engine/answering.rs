//! Requests and answers on connections that stay, are shared by many requests, or end.

use std::sync::Arc;

use crate::client::{get, post};
use crate::server::{Fake, Server, answer, echo, say_target, send, start};

use trivet_server::{Exchange, Peer};

#[test]
fn a_request_gets_its_answer() {
    let server = Server::new(say_target);
    let answer = server.connect().ask(get("/hello"));
    assert_eq!((answer.status, answer.text()), (200, "/hello"));
    assert_eq!(answer.field("Server"), Some("trivet"));
    assert_eq!(answer.field("Content-Length"), Some("6"));
    assert!(answer.field("Date").is_some() && !answer.closes());
}

#[test]
fn a_unix_socket_serves_as_well() {
    let server = Server::on_unix(|exchange: &mut Exchange<Fake>| {
        assert_eq!(exchange.peer(), Peer::Unix);
        echo(exchange);
    });
    let mut client = server.connect();
    assert_eq!(client.ask(post("/", "through a file")).text(), "through a file");
    assert_eq!(client.ask(get("/")).text(), "");
}

#[test]
fn the_view_sees_who_asks_and_where() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        let text = format!("{:?} {}", exchange.peer(), exchange.listener());
        answer(exchange, text.as_bytes());
    });
    let mut client = server.connect();
    let own = client.stream().local_addr().unwrap();
    assert_eq!(client.ask(get("/")).text(), format!("Tcp({own}) 0"));
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    for number in 0..300 {
        let target = format!("/{number}");
        assert_eq!(client.ask(get(&target)).text(), target);
    }
    let stats = server.stats();
    assert_eq!((stats.connections_accepted, stats.requests_rejected), (1, 0));
}

#[test]
fn what_is_kept_with_a_connection_is_there_for_its_next_request() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        let count = exchange.kept().get_or_insert(0);
        *count += 1;
        let text = count.to_string();
        answer(exchange, text.as_bytes());
    });
    let (mut one, mut other) = (server.connect(), server.connect());
    assert_eq!(one.ask(get("/")).text(), "1");
    assert_eq!(other.ask(get("/")).text(), "1");
    assert_eq!(one.ask(get("/")).text(), "2");
}

#[test]
fn many_requests_in_one_write_are_answered_in_order() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    let all: String = (0..500).map(|number| get(&format!("/{number}"))).collect();
    client.send(all);
    for number in 0..500 {
        assert_eq!(client.answer().text(), format!("/{number}"));
    }
    assert!(client.has_nothing());
}

#[test]
fn two_requests_cut_at_any_byte_get_two_answers() {
    let server = Server::new(echo);
    let both = post("/first", "hello") + &post("/second", "you");
    let mut client = server.connect();
    for cut in 1..both.len() {
        client.send(&both.as_bytes()[..cut]);
        client.send(&both.as_bytes()[cut..]);
        assert_eq!(client.answer().text(), "hello", "cut at byte {cut}");
        assert_eq!(client.answer().text(), "you", "cut at byte {cut}");
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_answered() {
    let server = Server::new(echo);
    let mut client = server.connect();
    for byte in post("/slow", "body").as_bytes() {
        client.send([*byte]);
    }
    assert_eq!(client.answer().text(), "body");
}

#[test]
fn a_half_sent_head_does_not_keep_others_waiting() {
    let server = Server::new(say_target);
    let mut slow = server.connect();
    slow.send("GET /slow HTTP/1.1\r\nHo");
    for _ in 0..50 {
        assert_eq!(server.connect().ask(get("/fast")).status, 200);
    }
    slow.send("st: test\r\n\r\n");
    assert_eq!(slow.answer().text(), "/slow");
}

#[test]
fn a_client_that_asks_for_the_end_gets_it_after_the_answer() {
    let server = Server::new(say_target);
    for request in
        ["GET /a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", "GET /a HTTP/1.0\r\n\r\n"]
    {
        let mut client = server.connect();
        let answer = client.ask(request);
        assert_eq!((answer.text(), answer.closes()), ("/a", true));
        client.expect_end();
    }
    server.wait_until_closed();
}

#[test]
fn an_old_client_may_ask_to_stay() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    for _ in 0..2 {
        let answer = client.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(answer.field("Connection"), Some("keep-alive"));
    }
}

#[test]
fn an_application_that_says_close_ends_the_connection() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        exchange.add_field(b"Connection", b"close").unwrap();
        exchange.send_whole(b"bye", || unreachable!("small bodies are copied"));
    });
    let mut client = server.connect();
    assert_eq!(client.ask(get("/")).text(), "bye");
    client.expect_end();
}

#[test]
fn a_keep_alive_of_zero_means_one_request_for_each_connection() {
    let config =
        trivet_server::Config { keep_alive: std::time::Duration::ZERO, ..crate::server::config() };
    let server = Server::with(config, say_target);
    let mut client = server.connect();
    assert!(client.ask(get("/")).closes());
    client.expect_end();
}

#[test]
fn the_answer_to_head_has_the_length_and_no_body() {
    let server = Server::new(say_target);
    let mut client = server.connect();
    client.send("HEAD /four HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = client.answer_without_body();
    assert_eq!(answer.field("Content-Length"), Some("5"));
    assert_eq!(client.ask(get("/next")).text(), "/next");
}

#[test]
fn a_body_of_unknown_length_is_chunked_and_the_connection_stays() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        for part in [&b"one "[..], b"two ", b"three"] {
            send(exchange, part);
        }
        exchange.end_body();
    });
    let mut client = server.connect();
    for _ in 0..2 {
        let answer = client.ask(get("/"));
        assert_eq!(answer.field("Transfer-Encoding"), Some("chunked"));
        assert_eq!(answer.text(), "one two three");
    }
}

#[test]
fn an_old_client_gets_a_body_of_unknown_length_until_the_end() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        send(exchange, b"one ");
        send(exchange, b"two");
        exchange.end_body();
    });
    let answer = server.connect().ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!((answer.text(), answer.closes()), ("one two", true));
}

#[test]
fn a_body_longer_than_its_content_length_is_cut_to_it() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        exchange.add_field(b"Content-Length", b"4").unwrap();
        exchange.send_whole(b"four, or more", || Arc::from(&b"four, or more"[..]));
        assert!(exchange.wrong_length().is_some());
    });
    let mut client = server.connect();
    assert_eq!(client.ask(get("/")).text(), "four");
    assert_eq!(client.ask(get("/")).text(), "four");
}

#[test]
fn a_body_shorter_than_its_content_length_ends_the_connection() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        exchange.add_field(b"Content-Length", b"40").unwrap();
        exchange.send_whole(b"four", || Arc::from(&b"four"[..]));
        assert!(exchange.wrong_length().is_some());
    });
    let mut client = server.connect();
    client.send(get("/"));
    let answer = client.answer_without_body();
    assert_eq!(answer.field("Content-Length"), Some("40"));
    assert_eq!(client.rest(), b"four");
}

#[test]
fn an_application_that_fails_before_its_head_is_answered_for() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        exchange.answer_failure();
    });
    let mut client = server.connect();
    let answer = client.ask(get("/"));
    assert_eq!((answer.status, answer.closes()), (500, true));
    client.expect_end();
    server.wait_until_closed();
}

#[test]
fn an_application_that_fails_in_the_middle_leaves_a_body_that_is_seen_to_be_cut() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        send(exchange, b"half");
        exchange.abort();
    });
    let mut client = server.connect();
    client.send(get("/"));
    client.answer_without_body();
    assert_eq!(client.rest(), b"4\r\nhalf\r\n");
    server.wait_until_closed();
    assert_eq!(server.stats().answers_cut, 1);
}

#[test]
fn a_panic_costs_one_answer_and_nothing_else() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        // Without the message that a panic of its own would print.
        if crate::server::target(exchange) == "/bug" {
            std::panic::resume_unwind(Box::new("a bug"));
        }
        say_target(exchange);
    });
    assert_eq!(server.connect().ask(get("/bug")).status, 500);
    assert_eq!(server.connect().ask(get("/well")).status, 200);
    assert_eq!(server.stats().panics, 1);
}

#[test]
fn a_head_can_be_changed_until_it_is_sent() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        start(exchange, "200 OK");
        assert!(exchange.has_head() && !exchange.head_is_sent());
        start(exchange, "404 Not Found");
        send(exchange, b"no");
        assert!(exchange.head_is_sent() && exchange.start_head(b"200 OK").is_err());
        exchange.end_body();
    });
    let answer = server.connect().ask(get("/"));
    assert_eq!((answer.status, answer.text()), (404, "no"));
}

#[test]
fn a_taken_over_connection_belongs_to_the_application() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        let mut own = std::net::TcpStream::from(exchange.socket().try_clone_to_owned().unwrap());
        let early = exchange.after_head().to_vec();
        exchange.let_go();
        std::io::Write::write_all(&mut own, b"HTTP/1.1 101 Mine\r\n\r\n").unwrap();
        std::io::Write::write_all(&mut own, &early).unwrap();
    });
    let mut client = server.connect();
    client
        .send("GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly");
    assert_eq!(client.answer_without_body().status, 101);
    assert_eq!(client.rest(), b"early");
    server.wait_until_closed();
    assert_eq!(server.connect().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 101);
}
