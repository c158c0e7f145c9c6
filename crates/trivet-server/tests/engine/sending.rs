//! Answers that are larger than what the kernel takes at once: queues, back-pressure and files.

use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use trivet_server::{Exchange, Sent};

use crate::client::{get, pattern};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, answer, send, start, target};

/// More than the buffers of both sides together.
const LARGE: usize = 24 * 1024 * 1024;

fn file_of(bytes: &[u8]) -> std::fs::File {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("trivet-{}-{number}.file", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut file =
        std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    // The descriptor keeps it; nothing is left behind.
    std::fs::remove_file(&path).unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

/// Answers with all of a file, and with a part for /part and more than there is for /short.
fn server_of_files(bytes: &[u8]) -> Server {
    let file = file_of(bytes);
    let length = bytes.len() as u64;
    Server::new(move |exchange: &mut Exchange<Fake>| {
        let own = OwnedFd::from(file.try_clone().unwrap());
        let (offset, length) = match target(exchange).as_str() {
            "/part" => (10, 20),
            "/short" => (0, length + 1),
            "/none" => (0, 0),
            _ => (0, length),
        };
        start(exchange, "200 OK");
        exchange.send_file(own, offset, length);
    })
}

#[test]
fn a_large_body_reaches_a_client_that_begins_to_read_late() {
    let body = Arc::<[u8]>::from(pattern(LARGE));
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let (body, gate) = (Arc::clone(&body), Arc::clone(&gate));
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            assert_ne!(exchange.send_whole(&body, || Arc::clone(&body)), Sent::ClientLeft);
            gate.pass();
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    gate.wait_for(1);
    gate.open();
    until("the request is over", || server.stats().requests == 1);
    assert!(client.answer().body == *body);
    // The connection goes on, and the body is not kept.
    client.send(get("/"));
    assert!(client.answer().body == *body);
    until("the queue lets go", || Arc::strong_count(&body) == 2);
}

/// Sends eight parts and waits at the gate before the rest, if there is any.
fn server_of_parts(head: &'static [(&'static str, &'static str)], gate: Arc<Gate>) -> Server {
    Server::new(move |exchange: &mut Exchange<Fake>| {
        exchange.start_head(b"200 OK").unwrap();
        for (name, value) in head {
            exchange.add_field(name.as_bytes(), value.as_bytes()).unwrap();
        }
        for _ in 0..8 {
            exchange.send_part_of(b"part", None, || Arc::from(&b"part"[..]));
        }
        gate.pass();
        exchange.end_body();
    })
}

#[test]
fn parts_that_are_made_quickly_arrive_although_the_next_one_never_comes() {
    let gate = Arc::new(Gate::default());
    let server = server_of_parts(&[], Arc::clone(&gate));
    let mut client = server.connect();
    client.send(get("/"));
    // The application stands at the gate until all of it is here.
    client.take_to(&b"4\r\npart\r\n".repeat(8));
    gate.open();
    client.take_to(b"0\r\n\r\n");
}

#[test]
fn quick_parts_of_a_declared_length_arrive_whole_without_a_last_chunk() {
    let gate = Arc::new(Gate::default());
    let server = server_of_parts(&[("Content-Length", "32")], Arc::clone(&gate));
    gate.open();
    let mut client = server.connect();
    for _ in 0..3 {
        client.send(get("/"));
        assert_eq!(client.answer().body, b"part".repeat(8));
    }
}

#[test]
fn several_streams_of_quick_parts_at_once_arrive_whole() {
    let gate = Arc::new(Gate::default());
    let server = server_of_parts(&[], Arc::clone(&gate));
    let mut clients: Vec<_> = (0..6).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    for client in &mut clients {
        client.take_to(&b"4\r\npart\r\n".repeat(8));
    }
    gate.open();
    for client in &mut clients {
        client.take_to(b"0\r\n\r\n");
        client.send(get("/"));
        assert_eq!(client.answer().body, b"part".repeat(8));
    }
}

#[test]
fn requests_that_come_while_an_answer_is_queued_are_answered_after_it() {
    let body = Arc::<[u8]>::from(pattern(LARGE));
    let server = Server::new({
        let body = Arc::clone(&body);
        move |exchange: &mut Exchange<Fake>| {
            if target(exchange) == "/large" {
                start(exchange, "200 OK");
                exchange.send_whole(&body, || Arc::clone(&body));
            } else {
                answer(exchange, b"small");
            }
        }
    });
    let mut client = server.connect();
    client.send(get("/large"));
    until("the request is over", || server.stats().requests == 1);
    client.send(get("/small") + &get("/large"));
    assert!(client.answer().body == *body);
    assert_eq!(client.answer().text(), "small");
    assert!(client.answer().body == *body);
}

#[test]
fn a_stream_waits_for_a_client_that_reads_slowly() {
    let was_full = Arc::new(AtomicBool::new(false));
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let (was_full, gate) = (Arc::clone(&was_full), Arc::clone(&gate));
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            for part in pattern(LARGE).chunks(10_000) {
                match send(exchange, part) {
                    Sent::Ok | Sent::Queued => {}
                    Sent::Full => {
                        if !was_full.swap(true, Ordering::SeqCst) {
                            gate.pass();
                        }
                        assert_eq!(exchange.wait_for_room(), Sent::Ok);
                    }
                    Sent::ClientLeft => panic!("the client is there"),
                }
            }
            exchange.end_body();
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    gate.wait_for(1);
    // Others are served while the stream waits.
    gate.open();
    assert!(client.answer().body == pattern(LARGE));
    assert!(was_full.load(Ordering::SeqCst));
}

#[test]
fn large_parts_are_bounded_by_their_number() {
    let full_after = Arc::new(AtomicUsize::new(0));
    let part = Arc::<[u8]>::from(pattern(LARGE / 4));
    let server = Server::new({
        let (full_after, part) = (Arc::clone(&full_after), Arc::clone(&part));
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            let mut sent = 0;
            loop {
                sent += 1;
                match exchange.send_part_of(&part, None, || Arc::clone(&part)) {
                    Sent::Ok => assert!(sent < 30, "nothing stops the stream"),
                    _ => break,
                }
            }
            full_after.store(sent, Ordering::SeqCst);
            assert_eq!(exchange.wait_for_room(), Sent::Ok);
            exchange.end_body();
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    until("the stream is full", || full_after.load(Ordering::SeqCst) > 0);
    let body = client.answer().body;
    assert_eq!(body.len(), full_after.load(Ordering::SeqCst) * part.len());
    assert!(body.chunks(part.len()).all(|chunk| chunk == &part[..]));
}

#[test]
fn others_are_served_while_a_stream_waits_for_its_client() {
    let config = trivet_server::Config { threads: 2, ..crate::server::config() };
    let server = Server::with(config, |exchange: &mut Exchange<Fake>| {
        if target(exchange) == "/quick" {
            answer(exchange, b"quick");
            return;
        }
        start(exchange, "200 OK");
        for part in pattern(LARGE).chunks(100_000) {
            if send(exchange, part) == Sent::Full {
                assert_eq!(exchange.wait_for_room(), Sent::Ok);
            }
        }
        exchange.end_body();
    });
    let mut slow = server.connect();
    slow.send(get("/stream"));
    for _ in 0..50 {
        assert_eq!(server.connect().ask(get("/quick")).text(), "quick");
    }
    assert!(slow.answer().body == pattern(LARGE));
}

#[test]
fn a_file_is_sent_whole_or_in_part() {
    let bytes = pattern(100_000);
    let server = server_of_files(&bytes);
    let mut client = server.connect();
    assert!(client.ask(get("/all")).body == bytes);
    assert!(client.ask(get("/part")).body == bytes[10..30]);
    assert!(client.ask(get("/none")).body.is_empty());
    client.send("HEAD /all HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.answer_without_body().field("Content-Length"), Some("100000"));
    assert!(client.ask(get("/part")).body == bytes[10..30]);
}

#[test]
fn a_large_file_reaches_a_client_that_begins_to_read_late() {
    let bytes = pattern(LARGE);
    let server = server_of_files(&bytes);
    let mut client = server.connect();
    client.send(get("/all") + &get("/part"));
    until("the request is over", || server.stats().requests == 1);
    assert!(client.answer().body == bytes);
    assert!(client.answer().body == bytes[10..30]);
}

#[test]
fn a_file_that_is_shorter_than_promised_is_seen_to_be_cut() {
    let bytes = pattern(LARGE);
    let server = server_of_files(&bytes);
    let mut client = server.connect();
    client.send(get("/short"));
    let answer = client.answer_without_body();
    assert_eq!(answer.field("Content-Length"), Some((LARGE + 1).to_string().as_str()));
    assert!(client.rest() == bytes);
    server.wait_until_closed();
    assert_eq!(server.stats().answers_cut, 1);
}

#[test]
fn a_large_body_over_a_unix_socket_is_whole() {
    let body = Arc::<[u8]>::from(pattern(LARGE));
    let server = Server::on_unix({
        let body = Arc::clone(&body);
        move |exchange: &mut Exchange<Fake>| {
            start(exchange, "200 OK");
            exchange.send_whole(&body, || Arc::clone(&body));
        }
    });
    let mut client = server.connect();
    for _ in 0..2 {
        assert!(client.ask(get("/")).body == *body);
    }
}
