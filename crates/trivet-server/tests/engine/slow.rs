//! Clients that send or take so little that they only hold what others need.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use trivet_server::{BodyError, Config, Exchange, Sent};

use crate::client::{Client, get, pattern, post_head};
use crate::gate::{PATIENCE, until};
use crate::server::{
    Fake, Server, answer, config, echo, read_all, say_target, send, start, target,
};

const SHORT: Duration = Duration::from_millis(200);
/// More than a byte each millisecond can be.
const MUCH: u64 = 1_000_000;

/// Sends a byte each millisecond until something is so.
fn drip(client: &mut Client, what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, || {
        // The server may have refused it already.
        let _ = client.try_send(b"x");
        is_so()
    });
}

#[test]
fn a_head_that_drips_is_refused_before_its_timeout() {
    let header_timeout = Duration::from_secs(9);
    let demand = Config { header_timeout, header_min_rate: MUCH, ..config() };
    let server = Server::with(demand, say_target);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nX: ");
    let began = Instant::now();
    drip(&mut client, "the head is refused", || server.stats().requests_rejected == 1);
    assert!(began.elapsed() < header_timeout, "it took {:?}", began.elapsed());
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_body_that_drips_is_an_error_in_the_application_however_much_came_before() {
    let (told, seen) = channel();
    let demand = Config { body_timeout: SHORT, body_min_rate: MUCH, ..config() };
    let server = Server::with(demand, move |exchange: &mut Exchange<Fake>| {
        told.send(read_all(exchange).unwrap_err()).unwrap();
        exchange.answer_failure();
    });
    let mut client = server.connect();
    client.send(post_head("/", 10_000_000));
    client.send(pattern(2_000_000));
    drip(&mut client, "the application is told", || server.stats().requests == 1);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), BodyError::Stalled);
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_body_that_drips_at_the_least_rate_arrives() {
    let server =
        Server::with(Config { body_timeout: SHORT, body_min_rate: 1, ..config() }, |exchange| {
            echo(exchange);
        });
    let mut client = server.connect();
    client.send(post_head("/", 40_000 + 400));
    client.send(pattern(40_000));
    let mut sent = 0;
    drip(&mut client, "all of it is sent", || {
        sent += 1;
        sent == 400
    });
    assert_eq!(client.answer().body.len(), 40_400);
}

#[test]
fn an_answer_that_is_taken_in_drops_is_cut() {
    let body = Arc::<[u8]>::from(pattern(24 * 1024 * 1024));
    let (told, seen) = channel();
    let demand = Config { write_timeout: SHORT, write_min_rate: 1 << 30, ..config() };
    let server = Server::with(demand, {
        let body = Arc::clone(&body);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            if target(exchange) == "/whole" {
                exchange.send_whole(&body, || Arc::clone(&body));
                return;
            }
            let last = loop {
                match send(exchange, &body[..100_000]) {
                    Sent::Full => match exchange.wait_for_room() {
                        Sent::Ok => {}
                        last => break last,
                    },
                    Sent::Ok | Sent::Queued => {}
                    last => break last,
                }
            };
            told.send(last).unwrap();
            exchange.end_body();
        }
    });
    for (number, target) in ["/whole", "/stream"].into_iter().enumerate() {
        let mut client = server.connect();
        client.send(get(target));
        let mut stream = client.stream();
        until("the answer is cut", || {
            let _ = stream.read(&mut [0; 1000]);
            server.stats().answers_cut == number as u64 + 1
        });
    }
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), Sent::ClientLeft);
    server.wait_until_closed();
}

#[test]
fn an_answer_that_is_taken_slowly_but_steadily_arrives_whole() {
    let body = Arc::<[u8]>::from(pattern(8 * 1024 * 1024));
    let demand = Config { write_timeout: SHORT, write_min_rate: 1, ..config() };
    let server = Server::with(demand, {
        let body = Arc::clone(&body);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            exchange.send_whole(&body, || Arc::clone(&body));
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    // A pause after each piece is what is tested: 8 MiB in 80 of them, twice the timeout in all.
    for _ in 0..body.len() / 100_000 {
        std::thread::park_timeout(Duration::from_millis(5));
        client.take(100_000);
    }
    server.wait_for_requests(1);
    assert_eq!(server.stats().answers_cut, 0);
}

/// Clients that the application waits for, in the middle of their bodies.
fn stalled(server: &Server, count: usize) -> Vec<Client> {
    (1..=count)
        .map(|number| {
            let mut client = server.connect();
            client.send(post_head("/upload", 1_000_000));
            client.send(pattern(40_000));
            until("a thread waits for it", || server.stats().threads_on_clients == number as u64);
            client
        })
        .collect()
}

fn views(exchange: &mut Exchange<Fake>) {
    if target(exchange) == "/upload" { echo(exchange) } else { say_target(exchange) }
}

#[test]
fn threads_that_wait_for_clients_do_not_count_as_busy() {
    let server = Server::with(Config { threads: 4, ..config() }, views);
    let clients = stalled(&server, 4);
    let mut late = server.connect();
    late.send(post_head("/upload", 50_000));
    late.send(pattern(40_000));
    // More than that do not wait in threads, and the others are served all the same.
    for _ in 0..20 {
        assert_eq!(server.connect().ask(get("/quick")).text(), "/quick");
    }
    assert_eq!(server.stats().threads_on_clients, 4);
    for client in clients {
        client.leave();
    }
    // What was held back is answered as soon as there is room.
    late.send(&pattern(50_000)[40_000..]);
    assert!(late.answer().body == pattern(50_000));
}

#[test]
fn a_body_that_is_held_back_and_stops_is_answered_with_408() {
    let short = Config { threads: 2, body_timeout: Duration::from_secs(2), ..config() };
    let server = Server::with(short, views);
    let _clients = stalled(&server, 2);
    let mut late = server.connect();
    late.send(post_head("/upload", 1_000_000));
    late.send(pattern(40_000));
    assert_eq!(late.answer().status, 408);
}

#[test]
fn threads_beyond_the_limit_end_when_the_slow_clients_are_gone() {
    let server = Server::with(Config { threads: 2, ..config() }, |exchange| {
        start(exchange, "200 OK");
        let part = pattern(100_000);
        while target(exchange) == "/stream" {
            let sent = match send(exchange, &part) {
                Sent::Full => exchange.wait_for_room(),
                sent => sent,
            };
            if sent == Sent::ClientLeft {
                break;
            }
        }
        exchange.end_body();
    });
    let clients: Vec<Client> = (1..=6)
        .map(|number| {
            let mut client = server.connect();
            client.send(get("/stream"));
            until("a thread waits for it", || server.stats().threads_on_clients >= number);
            client
        })
        .collect();
    assert_eq!(server.connect().ask(get("/quick")).status, 200);
    assert!(server.stats().threads > 6);
    for client in clients {
        client.leave();
    }
    until("the surplus is gone", || server.stats().threads <= 2);
    assert_eq!(server.connect().ask(get("/quick")).status, 200);
}

#[test]
fn with_one_thread_the_application_stays_alone() {
    let server = Server::with(Config { threads: 1, ..config() }, views);
    let clients = stalled(&server, 1);
    let mut other = server.connect();
    other.send(get("/other"));
    let mut wrong = server.connect();
    assert_eq!(wrong.ask("WRONG\r\n\r\n").status, 400);
    assert!(other.has_nothing());
    assert_eq!(server.started(), 1);
    for client in clients {
        client.leave();
    }
    assert_eq!(other.answer().text(), "/other");
}

#[test]
fn an_answer_to_a_slow_body_is_what_the_application_says() {
    // A thread that waited for its client has its place back afterwards.
    let server = Server::with(Config { threads: 2, ..config() }, |exchange| {
        let (body, _) = read_all(exchange).unwrap();
        answer(exchange, body.len().to_string().as_bytes());
    });
    let mut client = server.connect();
    client.send(post_head("/", 100_000));
    client.send(pattern(50_000));
    until("a thread waits for it", || server.stats().threads_on_clients == 1);
    client.send(pattern(50_000));
    assert_eq!(client.answer().text(), "100000");
    until("it waits no more", || server.stats().threads_on_clients == 0);
}
