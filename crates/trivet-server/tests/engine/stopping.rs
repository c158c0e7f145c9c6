//! The stop at once: threads return, connections and sockets are closed, nothing is left.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use trivet_server::{BodyError, Config, Engine, Exchange};

use crate::client::{Client, get, post_head};
use crate::gate::{Gate, PATIENCE, until};
use crate::server::{
    Address, Fake, Server, answer, config, echo, listen_on_loopback, read_all, say_target,
};

#[test]
fn threads_that_wait_return() {
    let server = Server::new(say_target);
    assert_eq!(server.connect().ask(get("/")).status, 200);
    server.engine().stop();
    server.wait_for_threads();
    assert_eq!(server.stats().threads, 0);
}

#[test]
fn no_thread_is_let_in_after_the_stop() {
    let server = Server::new(say_target);
    server.engine().stop();
    assert!(server.engine().exchange().is_none());
}

#[test]
fn clients_see_the_end() {
    let gate = Arc::new(Gate::default());
    let mut idle;
    let mut half;
    let mut waiting;
    {
        let server = Server::new({
            let gate = Arc::clone(&gate);
            move |exchange: &mut Exchange<Fake>| {
                if exchange.has_body() {
                    gate.pass();
                }
                echo(exchange);
            }
        });
        idle = server.connect();
        assert_eq!(idle.ask(get("/")).status, 200);
        half = server.connect();
        half.send("GET /");
        waiting = server.connect();
        waiting.send(post_head("/", 1) + "x");
        gate.wait_for(1);
        server.engine().stop();
        gate.open();
        server.wait_for_threads();
    }
    idle.expect_end_or_reset();
    half.expect_end_or_reset();
    waiting.expect_end_or_reset();
}

#[test]
fn a_view_that_blocks_returns_when_it_is_done_and_its_thread_with_it() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(Config { threads: 2, ..config() }, {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            gate.pass();
            answer(exchange, b"done");
        }
    });
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    gate.wait_for(2);
    server.engine().stop();
    gate.open();
    server.wait_for_threads();
}

#[test]
fn a_stop_in_the_middle_of_load_ends_every_thread() {
    for _ in 0..10 {
        let server = Server::new(say_target);
        // All of them are served before the stop, or they would wait in the backlog.
        let streams: Vec<_> = (0..4)
            .map(|_| {
                let mut client = server.connect();
                client.ask(get("/"));
                client.stream()
            })
            .collect();
        std::thread::scope(|scope| {
            for mut stream in streams {
                scope.spawn(move || {
                    let mut received = [0; 4096];
                    // Until the server is gone, however that shows.
                    while stream.write_all(get("/").as_bytes()).is_ok()
                        && matches!(stream.read(&mut received), Ok(1..))
                    {}
                });
            }
            until("there is load", || server.stats().requests > 50);
            server.engine().stop();
            server.wait_for_threads();
        });
    }
}

fn is_listening(address: &Address) -> bool {
    let Address::Tcp(address) = address else { panic!("this is for TCP") };
    TcpStream::connect(address).is_ok()
}

#[test]
fn the_listener_is_closed_with_the_engine() {
    let server = Server::new(say_target);
    let address = server.address.clone();
    assert_eq!(server.connect().ask(get("/")).status, 200);
    drop(server);
    assert!(!is_listening(&address));
}

#[test]
fn an_engine_that_is_dropped_at_once_closes_its_listener() {
    for _ in 0..50 {
        let (listener, address) = listen_on_loopback();
        drop(Engine::<Fake>::start(config(), vec![listener]).unwrap());
        assert!(!is_listening(&address), "the engine is gone, and its listener is not");
    }
}

#[test]
fn a_thread_that_passes_the_token_on_after_the_stop_does_not_keep_the_hub_alive() {
    let gate = Arc::new(Gate::default());
    let (told, seen) = channel();
    let config = Config { body_timeout: Duration::from_millis(50), ..config() };
    let server = Server::holding_the_token(config, {
        let gate = Arc::clone(&gate);
        move |exchange: &mut Exchange<Fake>| {
            if exchange.has_body() {
                gate.pass();
                // Waits, for which it gives the token away; nobody is there any more.
                told.send(read_all(exchange).unwrap_err()).unwrap();
            } else {
                answer(exchange, b"");
            }
        }
    });
    let mut idle = server.connect();
    assert_eq!(idle.ask(get("/")).status, 200);
    let mut client = server.connect();
    client.send(post_head("/", 100_000) + &"x".repeat(50_000));
    gate.wait_for(1);
    let address = server.address.clone();
    server.engine().stop();
    gate.open();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), BodyError::Stalled);
    drop(server);
    assert!(!is_listening(&address), "the engine is gone, and its listener is not");
    idle.expect_end_or_reset();
}

#[test]
fn engines_come_and_go_without_leaving_descriptors() {
    let run_one = || {
        let server = Server::new(say_target);
        let mut client = Client::connect(&server.address);
        assert_eq!(client.ask(get("/")).status, 200);
        let mut half = Client::connect(&server.address);
        half.send("GET /");
        drop(server);
        client.expect_end_or_reset();
    };
    // Other tests open and close descriptors at the same time, so the listeners tell: see above.
    // Here it is enough that a hundred engines do not come to the limit of descriptors.
    for _ in 0..100 {
        run_one();
    }
}
