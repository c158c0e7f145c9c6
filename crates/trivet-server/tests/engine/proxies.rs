//! Whose request it is behind a proxy: forwarded fields, and the header of the PROXY protocol.

use std::time::Duration;

use trivet_server::http::Trusted;
use trivet_server::http::forwarded::Client as Forwarded;
use trivet_server::{Config, Exchange, Peer};

use crate::client::get;
use crate::server::{Fake, Server, answer, config, target};

/// Answers with target, peer, and the client that a trusted peer names.
fn say_who(exchange: &mut Exchange<Fake>) {
    let peer = match exchange.peer() {
        Peer::Tcp(address) => address.ip().to_string(),
        Peer::Unix => "none".to_owned(),
    };
    let client = match exchange.forwarding().map(|forwarding| forwarding.client) {
        None => "not asked".to_owned(),
        Some(Forwarded::Peer) => "peer".to_owned(),
        Some(Forwarded::Hidden) => "hidden".to_owned(),
        Some(Forwarded::Address(address, _)) => address.to_string(),
    };
    let said = format!("{} {peer} {client}", target(exchange));
    answer(exchange, said.as_bytes());
}

fn server(trusted: &[&str], proxy_protocol: bool) -> Server {
    let trusted = Trusted::parse(trusted.iter().copied()).unwrap();
    Server::with(Config { trusted, proxy_protocol, ..config() }, say_who)
}

fn forwarded_for(client: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: {client}\r\n\r\n")
}

#[test]
fn nobody_is_asked_who_the_client_is_unless_trusted() {
    for (trusted, said) in [
        (&[][..], "/a 127.0.0.1 not asked"),
        (&["10.0.0.0/8", "unix"], "/a 127.0.0.1 not asked"),
        (&["127.0.0.0/8"], "/a 127.0.0.1 192.0.2.1"),
    ] {
        let server = server(trusted, false);
        let mut client = server.connect();
        assert_eq!(client.ask(forwarded_for("192.0.2.1")).text(), said);
    }
}

#[test]
fn each_request_of_a_connection_has_a_client_of_its_own() {
    let server = server(&["127.0.0.1"], false);
    let mut client = server.connect();
    for (request, said) in [
        (forwarded_for("192.0.2.1"), "/a 127.0.0.1 192.0.2.1"),
        (get("/a"), "/a 127.0.0.1 peer"),
        (forwarded_for("unknown"), "/a 127.0.0.1 hidden"),
    ] {
        assert_eq!(client.ask(&request).text(), said);
    }
}

#[test]
fn a_proxy_header_is_taken_however_it_is_cut() {
    let server = server(&["127.0.0.1"], true);
    let header = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
    let bytes = format!("{header}{}", get("/a"));
    for cut in 0..=bytes.len() {
        let mut client = server.connect();
        client.send(&bytes[..cut]);
        client.send(&bytes[cut..]);
        assert_eq!(client.answer().text(), "/a 192.0.2.1 not asked", "{cut}");
        assert_eq!(client.ask(get("/b")).text(), "/b 192.0.2.1 not asked", "{cut}");
    }
}

#[test]
fn whom_a_proxy_header_names_is_the_peer_from_then_on() {
    let server = server(&["127.0.0.1", "10.0.0.0/8"], true);
    for (header, said) in [
        (&b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n"[..], "/a 2001:db8::7 not asked"),
        (b"PROXY TCP4 10.0.0.7 127.0.0.1 1 2\r\n", "/a 10.0.0.7 192.0.2.1"),
        // The client without an address is not the proxy, and its word does not count as the proxy's.
        (b"PROXY UNKNOWN\r\n", "/a none not asked"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x00\0\0", "/a none not asked"),
        // LOCAL: the proxy speaks for itself.
        (b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0", "/a 127.0.0.1 192.0.2.1"),
        (
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\0\0\0\0\0\x01\0\x02",
            "/a 192.0.2.9 not asked",
        ),
    ] {
        let mut client = server.connect();
        client.send([header, forwarded_for("192.0.2.1").as_bytes()].concat());
        assert_eq!(client.answer().text(), said, "{}", header.escape_ascii());
    }
}

#[test]
fn a_connection_without_a_valid_proxy_header_ends_without_an_answer() {
    let server = server(&["127.0.0.1"], true);
    let not_headers =
        ["GET / HTTP/1.1\r\nHost: test\r\n\r\n", "PROXY TCP4 a b 1 2\r\n", "\x16\x03"];
    for bytes in not_headers {
        let mut client = server.connect();
        client.send(bytes);
        client.expect_end_or_reset();
    }
    server.wait_until_closed();
    let stats = server.stats();
    assert_eq!((stats.requests, stats.proxy_headers_refused), (0, 3));
}

#[test]
fn a_second_proxy_header_is_no_request() {
    let server = server(&["127.0.0.1"], true);
    let mut client = server.connect();
    client.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPROXY TCP4 6.6.6.6 192.0.2.2 1 2\r\n\r\n");
    assert_eq!(client.answer().status, 400);
}

#[test]
fn only_trusted_peers_may_send_a_proxy_header() {
    let server = server(&["10.0.0.0/8"], true);
    let mut client = server.connect();
    let _ = client.try_send(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.0\r\n\r\n");
    client.expect_end_or_reset();
    let stats = server.stats();
    assert_eq!((stats.requests, stats.proxy_headers_refused), (0, 1));
}

#[test]
fn a_proxy_header_that_never_comes_is_not_waited_for() {
    let trusted = Trusted::parse(["127.0.0.1"]).unwrap();
    let header_timeout = Duration::from_millis(1);
    let config = Config { trusted, proxy_protocol: true, header_timeout, ..config() };
    let server = Server::with(config, say_who);
    let mut client = server.connect();
    client.send("PROXY TCP4 ");
    client.expect_end_or_reset();
    assert_eq!(server.stats().proxy_headers_refused, 1);
}

#[test]
fn a_connection_that_is_handed_over_keeps_the_client_that_its_header_has_named() {
    let (old, new) = (server(&["127.0.0.1"], true), server(&["127.0.0.1"], true));
    let header = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
    let mut named = old.connect();
    assert_eq!(named.ask(header.to_owned() + &get("/a")).text(), "/a 192.0.2.1 not asked");
    let mut nameless = old.connect();
    nameless.send(&header[..10]);
    crate::gate::until("both are accepted", || old.stats().connections_accepted == 2);
    old.engine().hand_over();
    old.wait_until_drained();
    let taken = old.engine().take_handed_over();
    assert_eq!(taken.len(), 2);
    for connection in taken {
        new.engine().adopt(connection);
    }
    // It is not asked for a second header, and what it says of others is not believed.
    assert_eq!(named.ask(forwarded_for("192.0.2.9")).text(), "/a 192.0.2.1 not asked");
    nameless.send(header[10..].to_owned() + &get("/b"));
    assert_eq!(nameless.answer().text(), "/b 192.0.2.1 not asked");
}
