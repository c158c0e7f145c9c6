//! Runs every case of `tests/corpus` through the crate as a connection would: whole, cut in two at
//! every byte, and byte by byte; the events must be the same each time. The form of a case is
//! described in `tests/corpus/README.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use trivet_http::{Body, Chunk, ChunkedDecoder, Head, Limits, Progress, Rejection, Version, error};

/// Above this size, not every cut is tried: the limits' cases would take minutes.
const CUT_EVERYWHERE_BYTES: usize = 1500;

struct Case {
    name: String,
    input: Vec<u8>,
    /// One per line, unescaped.
    events: Vec<Vec<u8>>,
}

#[test]
fn every_case_gives_its_events_however_it_is_cut() {
    let cases = read_cases();
    assert!(cases.len() >= 80, "only {} cases were found", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let mut cuts = vec![vec![], (1..case.input.len()).collect()];
        cuts.extend(cuts_in_two(case.input.len()).map(|at| vec![at]));
        if case.input.len() > CUT_EVERYWHERE_BYTES {
            cuts[1] = (97..case.input.len()).step_by(97).collect();
        }
        let wrong = cuts.iter().map(|cuts| (cuts, run(&case.input, cuts)));
        if let Some((cuts, events)) = wrong.into_iter().find(|(_, events)| *events != case.events) {
            let cut = match cuts.as_slice() {
                [] => "whole".to_owned(),
                [at] => format!("cut at byte {at}"),
                _ => "in small pieces".to_owned(),
            };
            failures.push(format!(
                "{} ({cut})\nexpected:\n{}got:\n{}",
                case.name,
                shown(&case.events),
                shown(&events)
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rejection_of_this_crate_has_a_case() {
    // What only the server around this crate can notice.
    let of_the_server = [
        "head-timeout",
        "body-timeout",
        "body-cut",
        "body-too-large",
        "app-failed",
        "overloaded",
        "request-timed-out",
    ];
    let shown_by_cases: BTreeSet<Vec<u8>> = read_cases()
        .into_iter()
        .filter_map(|case| case.events.last().cloned())
        .filter(|event| event.starts_with(b"reject "))
        .collect();
    for rejection in error::ALL {
        let event = reject_event(rejection);
        assert!(
            of_the_server.contains(&rejection.name) || shown_by_cases.contains(&event),
            "add a case to tests/corpus that ends with: {}",
            event.escape_ascii()
        );
    }
}

/// The places where a case is cut in two.
fn cuts_in_two(length: usize) -> impl Iterator<Item = usize> {
    let step = if length > CUT_EVERYWHERE_BYTES { length / 50 } else { 1 };
    (1..length).filter(move |at| at % step == 0 || *at < 40 || length - at < 40)
}

fn run(input: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut connection = Connection::default();
    let mut start = 0;
    for &end in cuts.iter().chain([&input.len()]) {
        connection.receive(&input[start..end]);
        start = end;
    }
    connection.into_events()
}

#[derive(Default)]
enum Awaits {
    #[default]
    Head,
    Bytes(u64),
    Chunks(ChunkedDecoder),
    /// After a rejection, or after a request that ends the connection.
    Nothing,
}

/// Reads requests as a server does, and writes down what it finds.
#[derive(Default)]
struct Connection {
    unread: Vec<u8>,
    awaits: Awaits,
    head: Head,
    data: Vec<u8>,
    events: Vec<Vec<u8>>,
}

impl Connection {
    fn receive(&mut self, piece: &[u8]) {
        self.unread.extend_from_slice(piece);
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(rejection) => {
                    self.write_data();
                    self.events.push(reject_event(&rejection));
                    self.awaits = Awaits::Nothing;
                }
            }
        }
    }

    /// False when nothing can be done without more bytes.
    fn step(&mut self) -> Result<bool, Rejection> {
        let limits = Limits::default();
        match &mut self.awaits {
            Awaits::Nothing => Ok(false),
            Awaits::Head => {
                if self.head.parse(&self.unread, &limits)? == Progress::Partial {
                    return Ok(false);
                }
                self.write_head();
                self.unread.drain(..self.head.len);
                match self.head.body {
                    Body::None => self.end_request(),
                    Body::Length(length) => self.awaits = Awaits::Bytes(length),
                    Body::Chunked => self.awaits = Awaits::Chunks(ChunkedDecoder::default()),
                }
                Ok(true)
            }
            Awaits::Bytes(remaining) => {
                let taken =
                    self.unread.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
                *remaining -= taken as u64;
                let is_over = *remaining == 0;
                self.data.extend(self.unread.drain(..taken));
                if is_over {
                    self.end_request();
                }
                Ok(is_over)
            }
            Awaits::Chunks(decoder) => match decoder.decode(&self.unread, &limits)? {
                Chunk::Data { start, end, consumed } => {
                    assert!(start < end && end == consumed);
                    self.data.extend_from_slice(&self.unread[start..end]);
                    self.unread.drain(..consumed);
                    Ok(true)
                }
                Chunk::NeedMore { consumed } => {
                    assert_eq!(consumed, self.unread.len());
                    self.unread.clear();
                    Ok(false)
                }
                Chunk::End { consumed } => {
                    self.unread.drain(..consumed);
                    self.end_request();
                    Ok(true)
                }
            },
        }
    }

    fn write_head(&mut self) {
        let (head, buffer) = (&self.head, &self.unread[..]);
        let version: &[u8] = match head.version {
            Version::Http10 => b"HTTP/1.0",
            Version::Http11 => b"HTTP/1.1",
        };
        let target = head.target.of(buffer);
        let mut write = |parts: &[&[u8]]| self.events.push(parts.join(&b' '));
        write(&[b"request", head.method.of(buffer), target, version]);
        for (what, span) in
            [(&b"path"[..], head.path), (b"query", head.query), (b"authority", head.authority)]
        {
            if !span.is_empty() && span != head.target {
                write(&[what, span.of(buffer)]);
            }
        }
        for field in &head.fields {
            let name = [field.name.of(buffer), b":"].concat();
            let value = field.value.of(buffer);
            let parts: [&[u8]; 3] = [b"field", &name, value];
            write(if value.is_empty() { &parts[..2] } else { &parts });
        }
        match head.body {
            Body::None => {}
            Body::Length(length) => write(&[b"body length", length.to_string().as_bytes()]),
            Body::Chunked => write(&[b"body chunked"]),
        }
        for (holds, event) in [
            (head.expect_continue, &b"expects continue"[..]),
            (head.upgrade, b"offers upgrade"),
            (!head.keep_alive, b"closes"),
        ] {
            if holds {
                write(&[event]);
            }
        }
    }

    fn write_data(&mut self) {
        if !self.data.is_empty() {
            self.events.push([b"data ", &self.data[..]].concat());
            self.data.clear();
        }
    }

    fn end_request(&mut self) {
        self.write_data();
        self.events.push(b"end".to_vec());
        self.awaits = if self.head.keep_alive { Awaits::Head } else { Awaits::Nothing };
    }

    fn into_events(mut self) -> Vec<Vec<u8>> {
        self.write_data();
        match self.awaits {
            Awaits::Head if !self.unread.is_empty() => self.events.push(b"awaits head".to_vec()),
            Awaits::Bytes(_) | Awaits::Chunks(_) => self.events.push(b"awaits body".to_vec()),
            Awaits::Head | Awaits::Nothing => {}
        }
        self.events
    }
}

fn reject_event(rejection: &Rejection) -> Vec<u8> {
    format!("reject {} {}", rejection.status, rejection.name).into_bytes()
}

fn shown(events: &[Vec<u8>]) -> String {
    events.iter().map(|event| format!("  {}\n", event.escape_ascii())).collect()
}

fn read_cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let mut paths: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("tests/corpus can be read")
        .map(|entry| entry.expect("tests/corpus can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read_case(path)).collect()
}

fn read_case(path: &Path) -> Case {
    let name = path.file_stem().expect("a case has a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a case is text");
    let body = text.split_once("\n\n").unwrap_or_else(|| panic!("{name}: no empty line after #"));
    assert!(
        body.0.lines().all(|line| line.starts_with("# ")) && body.0.contains("# RFC "),
        "{name}: a case begins with lines of '# ': what it is, and the section"
    );
    let (input, events) =
        body.1.split_once("---\n").unwrap_or_else(|| panic!("{name}: no line of ---"));
    Case {
        input: input.lines().flat_map(|line| unescape(&name, line)).collect(),
        events: events.lines().map(|line| unescape(&name, line)).collect(),
        name,
    }
}

/// `\r \n \t \0 \\ \xHH`, and `\{100*text}` for a hundred times text.
fn unescape(case: &str, line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let mut length = 1;
        match escaped.as_bytes() {
            [b'r', ..] => out.push(b'\r'),
            [b'n', ..] => out.push(b'\n'),
            [b't', ..] => out.push(b'\t'),
            [b'0', ..] => out.push(0),
            [b'\\', ..] => out.push(b'\\'),
            [b'x', ..] => {
                length = 3;
                out.push(u8::from_str_radix(&escaped[1..3], 16).expect("two hexadecimal digits"));
            }
            [b'{', ..] => {
                let (inside, _) = escaped[1..].split_once('}').expect("a repetition ends with }");
                let (times, repeated) = inside.split_once('*').expect("a repetition has a *");
                length = inside.len() + 2;
                let repeated = unescape(case, repeated);
                out.extend(repeated.repeat(times.parse().expect("a number of times")));
            }
            _ => panic!("{case}: unknown escape \\{escaped}"),
        }
        rest = &escaped[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}
