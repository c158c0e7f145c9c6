//! Many clients, random cuts, random pauses, views that sometimes block: every answer must be right.

use std::time::Duration;

use trivet_server::{Config, Exchange};

use crate::client::{chunked_head, chunks, get, pattern, post_head};
use crate::gate::until;
use crate::server::{Fake, Server, answer, config, read_all, target};

/// Small numbers that look random and are the same in each run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}

/// Blocks for as long as the target says, in microseconds, and answers with target and body.
fn view(exchange: &mut Exchange<Fake>) {
    let target = target(exchange);
    let pause: u64 = target.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap();
    if pause > 0 {
        std::thread::park_timeout(Duration::from_micros(pause));
    }
    let (body, _) = read_all(exchange).unwrap();
    answer(exchange, &[target.as_bytes(), b" ", &body].concat());
}

fn hammer(server: &Server, thread: usize, requests: usize) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ (thread as u64 + 1));
    let mut client = server.connect();
    let mut done = 0;
    while done < requests {
        if numbers.below(50) == 0 {
            client = server.connect();
        }
        // Some requests at once.
        let count = 1 + numbers.below(4);
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let pause = if numbers.below(8) == 0 { numbers.below(2000) } else { 0 };
            let target = format!("/{thread}/{done}/{pause}");
            done += 1;
            let length =
                if numbers.below(20) == 0 { numbers.below(100_000) } else { numbers.below(200) };
            let body = pattern(length);
            match numbers.below(3) {
                0 => {
                    bytes.extend(get(&target).into_bytes());
                    expected.push([target.as_bytes(), b" "].concat());
                    continue;
                }
                1 => bytes.extend([post_head(&target, length).into_bytes(), body.clone()].concat()),
                _ => bytes.extend(
                    [chunked_head(&target).into_bytes(), chunks(&body, 1 + numbers.below(20_000))]
                        .concat(),
                ),
            }
            expected.push([target.as_bytes(), b" ", &body].concat());
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let cut = match numbers.below(3) {
                0 => rest.len(),
                1 => 1 + numbers.below(rest.len().min(100)),
                _ => 1 + numbers.below(rest.len()),
            };
            client.send(&rest[..cut]);
            rest = &rest[cut..];
            if numbers.below(4) == 0 {
                std::thread::park_timeout(Duration::from_micros(numbers.below(200) as u64));
            }
        }
        for expected in expected {
            let answer = client.answer();
            assert_eq!(answer.status, 200);
            assert!(answer.body == expected, "thread {thread}: not the answer to this request");
        }
    }
}

fn stress(config: Config, clients: usize, requests: usize) {
    let server = Server::with(config, view);
    std::thread::scope(|scope| {
        for thread in 0..clients {
            let server = &server;
            scope.spawn(move || hammer(server, thread, requests));
        }
    });
    server.wait_until_closed();
    let all = (clients * requests) as u64;
    until("every request is counted", || server.stats().requests >= all);
    let stats = server.stats();
    assert_eq!((stats.requests_rejected, stats.answers_cut, stats.panics), (0, 0, 0));
}

#[test]
fn every_answer_is_right_with_threads_enough() {
    stress(Config { threads: 32, ..config() }, 20, 500);
}

#[test]
fn every_answer_is_right_with_fewer_threads_than_clients() {
    stress(Config { threads: 3, accepts_per_turn: 1, ..config() }, 12, 200);
}

#[test]
fn every_answer_is_right_with_one_thread() {
    stress(Config { threads: 1, ..config() }, 8, 100);
}
