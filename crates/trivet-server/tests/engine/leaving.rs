//! Clients that leave before, during and after a request: nothing of them stays behind.

use std::sync::Arc;
use std::sync::mpsc::channel;

use trivet_server::{BodyError, Exchange, Sent};

use crate::client::{Client, chunked_head, get, pattern, post_head};
use crate::gate::{Gate, PATIENCE, until};
use crate::server::{Fake, Server, answer, echo, read_all, say_target, send, start};

fn leave_after(server: &Server, beginning: &str) {
    let mut client = server.connect();
    client.send(beginning);
    client.leave();
}

fn finish_after(server: &Server, beginning: &str) -> Client {
    let mut client = server.connect();
    client.send(beginning);
    client.finish_sending();
    client
}

#[test]
fn clients_that_leave_before_their_request_is_whole_are_forgotten() {
    let server = Server::new(echo);
    for beginning in
        [String::new(), "GET / HT".to_owned(), "GET / HTTP/1.1\r\nHost: test\r\n".to_owned()]
    {
        leave_after(&server, &beginning);
        finish_after(&server, &beginning).expect_end();
    }
    until("all were seen", || server.stats().connections_accepted == 6);
    server.wait_until_closed();
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn a_client_that_ends_its_side_in_a_body_is_told_that_it_is_not_whole() {
    let server = Server::new(echo);
    for beginning in [
        post_head("/", 10),
        post_head("/", 10) + "half",
        chunked_head("/") + "5\r\nhal",
        chunked_head("/") + "5\r\nwhole\r\n0\r\n",
    ] {
        leave_after(&server, &beginning);
        let mut client = finish_after(&server, &beginning);
        assert_eq!(client.answer().status, 400);
        client.expect_end();
    }
    until("all were seen", || server.stats().connections_accepted == 8);
    server.wait_until_closed();
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn a_client_that_leaves_in_a_body_is_reported_to_the_view_that_reads_it() {
    let (errors, seen) = channel();
    let server = Server::new(move |exchange: &mut Exchange<Fake>| {
        errors.send(read_all(exchange).unwrap_err()).unwrap();
        exchange.answer_failure();
    });
    for is_polite in [true, false] {
        let mut client = server.connect();
        client.send(post_head("/", 1_000_000));
        client.send(pattern(100_000));
        if is_polite {
            client.finish_sending();
            assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), BodyError::ClientLeft);
        } else {
            client.leave();
            assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), BodyError::ClientLeft);
        }
    }
    server.wait_until_closed();
}

#[test]
fn a_client_that_leaves_while_its_view_runs_is_told_to_the_view_that_streams() {
    let gate = Arc::new(Gate::default());
    let (told, seen) = channel();
    let server = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            start(exchange, "200 OK");
            let part = pattern(100_000);
            // The first may still find room in the kernel.
            let parts = (0..100).find(|_| match send(exchange, &part) {
                Sent::ClientLeft => true,
                Sent::Full => exchange.wait_for_room() == Sent::ClientLeft,
                Sent::Ok | Sent::Queued => false,
            });
            told.send(parts).unwrap();
            exchange.end_body();
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    gate.wait_for(1);
    client.leave();
    gate.open();
    assert!(seen.recv_timeout(PATIENCE).unwrap().is_some());
    server.wait_until_closed();
    assert_eq!(server.stats().answers_cut, 1);
}

#[test]
fn a_client_that_leaves_with_an_answer_in_the_queue_takes_the_queue_with_it() {
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
    client.leave();
    server.wait_until_closed();
    until("the body is let go", || Arc::strong_count(&body) == 2);
    assert_eq!(server.stats().answers_cut, 1);
}

#[test]
fn a_client_that_leaves_after_its_answer_is_forgotten() {
    let server = Server::new(say_target);
    for _ in 0..20 {
        let mut client = server.connect();
        assert_eq!(client.ask(get("/")).status, 200);
        client.leave();
    }
    server.wait_until_closed();
}

#[test]
fn a_client_that_leaves_while_its_view_blocks_is_forgotten_afterwards() {
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"too late");
        }
    });
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    gate.wait_for(4);
    drop(clients);
    gate.open();
    server.wait_until_closed();
    server.wait_for_requests(4);
}

#[test]
fn a_client_that_says_at_once_that_it_will_send_no_more_gets_its_answer_and_the_end() {
    let server = Server::new(say_target);
    for _ in 0..20 {
        let mut client = server.connect();
        client.send(get("/one") + &get("/two"));
        client.finish_sending();
        assert_eq!(client.answer().text(), "/one");
        assert_eq!(client.answer().text(), "/two");
        client.expect_end();
    }
    server.wait_until_closed();
}

#[test]
fn a_client_that_shuts_down_its_side_while_the_view_runs_gets_its_answer_and_the_end() {
    let gate = Arc::new(Gate::default());
    let server = Server::new({
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"here");
        }
    });
    let mut client = server.connect();
    client.send(get("/"));
    gate.wait_for(1);
    client.finish_sending();
    gate.open();
    assert_eq!(client.answer().text(), "here");
    client.expect_end();
    server.wait_until_closed();
}
