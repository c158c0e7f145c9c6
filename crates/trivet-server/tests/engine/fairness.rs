//! One client must not take the server from the others, whatever it sends.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::get;
use crate::server::{Server, say_target};

/// Ends the attack when the test is over, however it ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends requests without waiting for answers, and reads answers without looking at them.
fn pipeline_for_ever(server: &Server, is_over: &AtomicBool) {
    let mut stream = server.connect().stream();
    let mut reader = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = vec![0; 1024 * 1024];
            while matches!(reader.read(&mut buffer), Ok(1..)) {}
        });
        let many = get("/").repeat(2000);
        while !is_over.load(Ordering::SeqCst) && stream.write_all(many.as_bytes()).is_ok() {}
        // The reader must not wait for answers that the server owes it.
        let _ = stream.shutdown(std::net::Shutdown::Both);
    });
}

#[test]
fn a_client_that_pipelines_without_end_does_not_keep_others_waiting() {
    let server = Server::new(say_target);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&is_over);
        scope.spawn(|| pipeline_for_ever(&server, &is_over));
        crate::gate::until("the attack goes on", || server.stats().requests > 5000);
        for _ in 0..10 {
            assert_eq!(server.connect().ask(get("/other")).text(), "/other");
        }
    });
}

#[test]
fn a_client_that_pipelines_without_end_does_not_keep_the_server_from_stopping() {
    let server = Server::new(say_target);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&is_over);
        scope.spawn(|| pipeline_for_ever(&server, &is_over));
        crate::gate::until("the attack goes on", || server.stats().requests > 5000);
        server.engine().stop();
        server.wait_for_threads();
    });
}

#[test]
fn refused_clients_that_go_on_sending_do_not_keep_others_waiting() {
    let server = Server::new(say_target);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&is_over);
        for _ in 0..8 {
            scope.spawn(|| {
                let mut stream = server.connect().stream();
                let waste = vec![b'x'; 1024 * 1024];
                let mut bytes = b"WRONG\r\n\r\n".to_vec();
                while !is_over.load(Ordering::SeqCst) && stream.write_all(&bytes).is_ok() {
                    bytes.clone_from(&waste);
                }
            });
        }
        crate::gate::until("all are refused", || server.stats().requests_rejected == 8);
        for _ in 0..10 {
            assert_eq!(server.connect().ask(get("/other")).text(), "/other");
        }
    });
}

#[test]
fn a_client_that_takes_a_large_answer_quickly_does_not_keep_others_waiting() {
    let body = std::sync::Arc::<[u8]>::from(vec![b'x'; 256 * 1024 * 1024]);
    let server = Server::new({
        let body = std::sync::Arc::clone(&body);
        move |exchange: &mut trivet_server::Exchange<crate::server::Fake>| {
            if crate::server::target(exchange) == "/large" {
                crate::server::start(exchange, "200 OK");
                exchange.send_whole(&body, || std::sync::Arc::clone(&body));
            } else {
                say_target(exchange);
            }
        }
    });
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&is_over);
        for _ in 0..2 {
            scope.spawn(|| {
                let mut stream = server.connect().stream();
                let mut buffer = vec![0; 1024 * 1024];
                while !is_over.load(Ordering::SeqCst) {
                    stream.write_all(get("/large").as_bytes()).unwrap();
                    let mut rest = body.len();
                    while rest > 0 && !is_over.load(Ordering::SeqCst) {
                        let count = stream.read(&mut buffer).unwrap();
                        rest = rest.saturating_sub(count);
                    }
                }
            });
        }
        crate::gate::until("the answers are on their way", || server.stats().requests >= 2);
        for _ in 0..50 {
            assert_eq!(server.connect().ask(get("/other")).text(), "/other");
        }
    });
}
