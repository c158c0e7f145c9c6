//! Handles one request head and one answer head as often as the first argument says, for callgrind;
//! measures nothing itself. The second argument picks the work: `browser` and `tool` read a
//! head of six fields, `answer` writes one, `chunked` reads a body, `partial` a large incomplete head.
//!
//! The cost of one is the difference between two counts, divided: run it with 10000 and 20000 under
//! `valgrind --tool=callgrind`.

use std::hint::black_box;

use trivet_http::{Chunk, ChunkedDecoder, Head, Limits, Version, response};

const FROM_BROWSER: &[u8] = b"GET /hello?name=world HTTP/1.1\r\n\
    Host: www.example.com:8000\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Connection: keep-alive\r\n\
    \r\n";

const FROM_TOOL: &[u8] = b"GET /hello HTTP/1.1\r\n\
    Host: 127.0.0.1:8000\r\n\
    User-Agent: python-requests/2.32.3\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Accept: */*\r\n\
    Connection: keep-alive\r\n\
    Authorization: Bearer abcdef\r\n\
    \r\n";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let times: usize = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let work: fn(usize) = match arguments.get(2).map(String::as_str) {
        Some("answer") => answer,
        Some("chunked") => chunked,
        Some("partial") => partial,
        Some("tool") => |times| parse(FROM_TOOL, times),
        _ => |times| parse(FROM_BROWSER, times),
    };
    work(times);
}

fn parse(request: &[u8], times: usize) {
    let limits = Limits::default();
    let mut head = Head::default();
    for _ in 0..times {
        black_box(head.parse(black_box(request), &limits)).expect("the request is valid");
        black_box(&head);
    }
}

/// A head of 48 KiB that is never complete: what a slow peer costs with each piece it sends.
fn partial(times: usize) {
    let limits = Limits::default();
    let mut head = Head::default();
    let mut request = FROM_BROWSER[..FROM_BROWSER.len() - 2].to_vec();
    for index in 0..48 {
        request.extend_from_slice(format!("X-{index}: {}\r\n", "a".repeat(1000)).as_bytes());
    }
    for _ in 0..times {
        black_box(head.parse(black_box(&request), &limits)).expect("the request is valid");
    }
}

fn answer(times: usize) {
    let mut out = Vec::new();
    let date = response::imf_fixdate(784_111_777);
    for _ in 0..times {
        out.clear();
        let (status, reason) = response::parse_status(black_box(b"200 OK")).expect("it is valid");
        response::write_status_line(&mut out, status, reason);
        for (name, value) in
            [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "12")]
        {
            response::write_field(
                &mut out,
                black_box(name.as_bytes()),
                black_box(value.as_bytes()),
            )
            .expect("it is valid");
        }
        let plan = response::plan(Version::Http11, false, status, Some(12), Some(12), true);
        response::finish_head(&mut out, &plan, Version::Http11, Some(&date), b"trivet");
        black_box(&out);
    }
}

/// One body of three chunks.
fn chunked(times: usize) {
    let limits = Limits::default();
    let body: &[u8] = b"5\r\nhello\r\n10;a=b\r\n0123456789abcdef\r\n1\r\n!\r\n0\r\n\r\n";
    for _ in 0..times {
        let mut decoder = ChunkedDecoder::default();
        let mut rest = black_box(body);
        while let Chunk::Data { consumed, .. } = decoder.decode(rest, &limits).expect("it is valid")
        {
            rest = &rest[consumed..];
        }
        black_box(rest);
    }
}
