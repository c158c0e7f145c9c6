//! The head of a request: the same whatever the cut, read alike by httparse, and stable when written anew.

use trivet_http::{Body, Head, Limits, Progress, Rejection, Version};

/// Checks all of it for one input.
pub fn check(bytes: &[u8]) {
    let (whole, head) = parse(bytes);
    the_cut_does_not_matter(bytes, whole, &head);
    if whole == Ok(Progress::Complete) {
        let used = &bytes[..head.len];
        only_whole_lines_were_taken(used);
        httparse_reads_it_alike(used, &head);
        framing_follows_from_the_fields(used, &head);
        written_anew_it_means_the_same(used, &head);
    }
}

fn parse(bytes: &[u8]) -> (Result<Progress, Rejection>, Head) {
    let mut head = Head::default();
    let result = head.parse(bytes, &Limits::default());
    (result, head)
}

fn the_cut_does_not_matter(bytes: &[u8], whole: Result<Progress, Rejection>, head: &Head) {
    // Every cut of a short input, some of a long one.
    let step = bytes.len() / 256 + 1;
    for end in (0..bytes.len()).step_by(step) {
        let (cut, cut_head) = parse(&bytes[..end]);
        match cut {
            Ok(Progress::Partial) => assert!(whole != Ok(Progress::Complete) || end < head.len),
            Ok(Progress::Complete) => {
                assert!(whole == cut && *head == cut_head && end >= head.len);
            }
            Err(_) => assert_eq!(whole, cut, "cut at {end}"),
        }
    }
}

/// RFC 9112 section 2.2: CRLF and nothing else ends a line; NUL stands nowhere.
fn only_whole_lines_were_taken(used: &[u8]) {
    for (at, byte) in used.iter().enumerate() {
        match byte {
            b'\n' => assert!(at > 0 && used[at - 1] == b'\r'),
            b'\r' => assert_eq!(used.get(at + 1), Some(&b'\n')),
            byte => assert!(*byte != 0),
        }
    }
}

fn httparse_reads_it_alike(used: &[u8], head: &Head) {
    let mut slots = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut slots);
    let parsed = request.parse(used);
    if parsed == Err(httparse::Error::Version) {
        return; // it knows 1.0 and 1.1 alone; 1.2 is handled as 1.1 here (RFC 9110 section 2.5)
    }
    assert_eq!(parsed, Ok(httparse::Status::Complete(head.len)));
    assert_eq!(request.method.map(str::as_bytes), Some(head.method.of(used)));
    assert_eq!(request.path.map(str::as_bytes), Some(head.target.of(used)));
    let ours = head.fields.iter().map(|field| (field.name.of(used), field.value.of(used)));
    let theirs = request.headers.iter().map(|header| (header.name.as_bytes(), header.value));
    assert!(ours.eq(theirs));
}

/// RFC 9112 section 6.3, written down a second time, from the fields as httparse's reading gives them.
fn framing_follows_from_the_fields(used: &[u8], head: &Head) {
    let named = |name: &str| -> Vec<Vec<u8>> {
        head.fields
            .iter()
            .filter(|field| field.name.of(used).eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value.of(used).to_ascii_lowercase())
            .collect()
    };
    let (lengths, codings) = (named("content-length"), named("transfer-encoding"));
    match head.body {
        Body::Chunked => {
            assert!(lengths.is_empty() && codings == [b"chunked".to_vec()]);
            assert_eq!(head.version, Version::Http11);
        }
        Body::Length(length) => {
            assert!(codings.is_empty() && lengths.len() == 1);
            let digits = std::str::from_utf8(&lengths[0]).expect("digits are ASCII");
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(digits.parse(), Ok(length));
        }
        Body::None => {
            let says_none = |digits: &[u8]| digits.iter().all(|digit| *digit == b'0');
            assert!(codings.is_empty());
            assert!(lengths.iter().all(|digits| !digits.is_empty() && says_none(digits)));
        }
    }
    let hosts = named("host");
    assert!(hosts.len() <= 1 && (head.version == Version::Http10 || hosts.len() == 1));
}

fn written_anew_it_means_the_same(used: &[u8], head: &Head) {
    let version: &[u8] = match head.version {
        Version::Http10 => b" HTTP/1.0\r\n",
        Version::Http11 => b" HTTP/1.1\r\n",
    };
    let mut anew = [head.method.of(used), b" ", head.target.of(used), version].concat();
    for field in &head.fields {
        anew.extend([field.name.of(used), b": ", field.value.of(used), b"\r\n"].concat());
    }
    anew.extend(b"\r\n");
    let (result, again) = parse(&anew);
    match result {
        Ok(progress) => assert_eq!(progress, Progress::Complete),
        // One space more in each line may pass the limit.
        Err(rejection) => return assert_eq!(rejection.status, 431),
    }
    assert_eq!((again.body, again.keep_alive), (head.body, head.keep_alive));
    assert_eq!((again.upgrade, again.expect_continue), (head.upgrade, head.expect_continue));
    assert_eq!(again.authority.of(&anew), head.authority.of(used));
    assert_eq!(again.path.of(&anew), head.path.of(used));
}
