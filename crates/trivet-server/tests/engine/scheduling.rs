//! Which thread does what while views block: the token goes on, threads come, nobody is forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use trivet_server::{Config, Engine, Event, Exchange};

use crate::client::{Client, get};
use crate::gate::{Gate, until};
use crate::server::{Fake, Server, answer, config, listen_on_loopback, say_target, target};

/// Waits at the gate for /wait, answers everything else at once.
fn view_with(gate: &Arc<Gate>) -> impl Fn(&mut Exchange<Fake>) + Send + Sync + use<> {
    let gate = Arc::clone(gate);
    move |exchange: &mut Exchange<Fake>| {
        if target(exchange) == "/wait" {
            gate.pass();
        }
        say_target(exchange);
    }
}

fn blocked(server: &Server, gate: &Gate, count: usize) -> Vec<Client> {
    (0..count)
        .map(|number| {
            let mut client = server.connect();
            client.send(get("/wait"));
            gate.wait_for(number + 1);
            client
        })
        .collect()
}

#[test]
fn a_view_that_blocks_does_not_keep_others_waiting() {
    let gate = Arc::new(Gate::default());
    let server = Server::new(view_with(&gate));
    let mut waiting = blocked(&server, &gate, 1);
    for _ in 0..20 {
        assert_eq!(server.connect().ask(get("/quick")).text(), "/quick");
    }
    assert!(server.stats().steals >= 1);
    gate.open();
    assert_eq!(waiting[0].answer().text(), "/wait");
}

#[test]
fn a_view_that_computes_does_not_keep_others_waiting_for_long() {
    let go_on = Arc::new(AtomicBool::new(false));
    let server = Server::new({
        let go_on = Arc::clone(&go_on);
        move |exchange: &mut Exchange<Fake>| {
            while target(exchange) == "/compute" && !go_on.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            say_target(exchange);
        }
    });
    let mut computing = server.connect();
    computing.send(get("/compute"));
    assert_eq!(server.connect().ask(get("/quick")).text(), "/quick");
    go_on.store(true, Ordering::SeqCst);
    assert_eq!(computing.answer().text(), "/compute");
}

#[test]
fn requests_wait_while_every_thread_is_blocked_and_are_answered_later() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(Config { threads: 3, ..config() }, view_with(&gate));
    let mut waiting = blocked(&server, &gate, 3);
    // Connections from before and after, more than there are threads.
    let mut queued: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut queued {
        client.send(get("/queued") + &get("/behind"));
    }
    // What needs no application is answered all the same.
    let mut wrong = server.connect();
    assert_eq!(wrong.ask("WRONG\r\n\r\n").status, 400);
    assert!(queued.iter_mut().all(Client::has_nothing));
    assert_eq!((server.started(), gate.waiting()), (3, 3));
    gate.open();
    for client in &mut queued {
        assert_eq!(client.answer().text(), "/queued");
        assert_eq!(client.answer().text(), "/behind");
    }
    assert_eq!(waiting.iter_mut().map(|client| client.answer().status).max(), Some(200));
}

#[test]
fn a_single_thread_that_blocks_serves_the_others_afterwards() {
    // Several times, because accepting pauses only if the monitor reads the first request.
    for _ in 0..10 {
        let gate = Arc::new(Gate::default());
        let server = Server::with(Config { threads: 1, ..config() }, view_with(&gate));
        let mut waiting = blocked(&server, &gate, 1);
        let mut other = server.connect();
        other.send(get("/other"));
        gate.open();
        assert_eq!(waiting[0].answer().text(), "/wait");
        assert_eq!(other.answer().text(), "/other");
        assert_eq!(waiting[0].ask(get("/again")).text(), "/again");
        assert_eq!(server.started(), 1);
    }
}

#[test]
fn there_are_never_more_threads_than_allowed() {
    let gate = Arc::new(Gate::default());
    let server = Server::with(Config { threads: 5, ..config() }, view_with(&gate));
    let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/wait"));
    }
    gate.wait_for(5);
    assert_eq!(server.stats().threads, 5);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!((server.started(), server.stats().threads), (5, 5));
}

// Where the system does not count how often a thread sleeps, such short sleeps are not seen.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
#[test]
fn views_that_mostly_block_change_the_mode_and_quick_ones_change_it_back() {
    let server = Server::new(|exchange: &mut Exchange<Fake>| {
        if target(exchange) == "/block" {
            // Too short for the monitor, which looks once in a millisecond.
            std::thread::park_timeout(Duration::from_micros(200));
        }
        say_target(exchange);
    });
    let ask = |target: &'static str, until_changes: u64| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = server.connect();
                    until("the mode changes", || {
                        assert_eq!(client.ask(get(target)).text(), target);
                        server.stats().mode_changes >= until_changes
                    });
                });
            }
        });
    };
    ask("/block", 1);
    ask("/quick", 2);
    ask("/block", 3);
}

#[test]
fn nobody_is_lost_while_the_mode_changes_under_load() {
    let counter = Arc::new(AtomicUsize::new(0));
    let server = Server::new({
        let counter = Arc::clone(&counter);
        move |exchange: &mut Exchange<Fake>| {
            // Phases of 200 requests that block and 200 that do not.
            if (counter.fetch_add(1, Ordering::Relaxed) / 200).is_multiple_of(2) {
                std::thread::park_timeout(Duration::from_micros(300));
            }
            say_target(exchange);
        }
    });
    std::thread::scope(|scope| {
        for number in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for round in 0..250 {
                    let target = format!("/{number}/{round}");
                    assert_eq!(client.ask(get(&target)).text(), target);
                }
            });
        }
    });
    server.wait_for_requests(2000);
}

#[test]
fn a_thread_that_could_not_be_started_is_asked_for_again_when_it_is_missed() {
    let (listener, address) = listen_on_loopback();
    let engine = Arc::new(Engine::<Fake>::start(config(), vec![listener]).unwrap());
    assert_eq!(next_wanted(&engine), 1);
    let thread = serve_in_thread(&engine);
    // The first thread blocks, a second is wanted and cannot be had; the first goes on.
    let mut client = Client::connect(&address);
    for path in ["/block/one", "/block/two", "/block/three"] {
        client.send(get(path));
        let wanted = next_wanted(&engine);
        engine.threads_not_started(wanted);
        assert_eq!(client.answer().text(), "done");
    }
    engine.stop();
    thread.join().unwrap();
}

#[test]
fn the_first_thread_is_asked_for_again_when_it_could_not_be_started() {
    let (listener, address) = listen_on_loopback();
    let engine = Arc::new(Engine::<Fake>::start(config(), vec![listener]).unwrap());
    let wanted = next_wanted(&engine);
    engine.threads_not_started(wanted);
    let mut client = Client::connect(&address);
    client.send(get("/"));
    assert_eq!(next_wanted(&engine), 1);
    let thread = serve_in_thread(&engine);
    assert_eq!(client.answer().text(), "done");
    engine.stop();
    thread.join().unwrap();
}

fn next_wanted(engine: &Engine<Fake>) -> usize {
    let mut wanted = None;
    until("a thread is wanted", || {
        wanted = engine.events().into_iter().find_map(|event| match event {
            Event::ThreadsWanted(count) => Some(count),
            _ => None,
        });
        wanted.is_some()
    });
    wanted.unwrap_or(0)
}

fn serve_in_thread(engine: &Arc<Engine<Fake>>) -> std::thread::JoinHandle<()> {
    let engine = Arc::clone(engine);
    std::thread::spawn(move || {
        let mut exchange = engine.exchange().unwrap();
        while exchange.wait() {
            exchange.release();
            if target(&exchange).starts_with("/block") {
                // Until the token is gone, which the steal tells.
                let before = engine.stats().steals;
                until("the token is taken away", || engine.stats().steals > before);
            }
            answer(&mut exchange, b"done");
            exchange.finish();
        }
    })
}

#[test]
fn a_thread_that_dies_in_a_request_leaves_the_token_to_the_others() {
    let (listener, address) = listen_on_loopback();
    let engine = Arc::new(Engine::<Fake>::start(config(), vec![listener]).unwrap());
    next_wanted(&engine);
    let mut dying = engine.exchange().unwrap();
    let mut client = Client::connect(&address);
    client.send(get("/"));
    assert!(dying.wait());
    drop(dying);
    assert_eq!(engine.stats().threads, 0);
    let thread = serve_in_thread(&engine);
    assert_eq!(Client::connect(&address).ask(get("/")).text(), "done");
    client.expect_end_or_reset();
    engine.stop();
    thread.join().unwrap();
}
