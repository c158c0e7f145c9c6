//! Reads heads from standard input and writes what the parser says of each, for comparisons with other
//! parsers: a length of four bytes (little-endian) and the bytes; out comes a line for each, with parts
//! in hexadecimal, separated by spaces.
//!
//! `complete METHOD TARGET 1.1 FRAMING KEEP [NAME VALUE]…`, `partial`, or `reject NAME`.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Read, Write};

use trivet_http::{Body, Head, Limits, Progress, Version};

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = BufWriter::new(io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut bytes)?;
        writeln!(output, "{}", verdict(&bytes))?;
        output.flush()?;
    }
    Ok(())
}

fn verdict(bytes: &[u8]) -> String {
    let mut head = Head::default();
    match head.parse(bytes, &Limits::default()) {
        Err(rejection) => format!("reject {}", rejection.name),
        Ok(Progress::Partial) => "partial".to_owned(),
        Ok(Progress::Complete) => {
            let version = match head.version {
                Version::Http10 => "1.0",
                Version::Http11 => "1.1",
            };
            let body = match head.body {
                Body::None => "none".to_owned(),
                Body::Length(length) => length.to_string(),
                Body::Chunked => "chunked".to_owned(),
            };
            let mut line = format!(
                "complete {} {} {version} {body} {}",
                hexadecimal(head.method.of(bytes)),
                hexadecimal(head.target.of(bytes)),
                head.keep_alive,
            );
            for field in &head.fields {
                line.push(' ');
                line.push_str(&hexadecimal(field.name.of(bytes)));
                line.push(' ');
                line.push_str(&hexadecimal(field.value.of(bytes)));
            }
            line
        }
    }
}

/// `-` stands for no bytes, so that every part can be seen.
fn hexadecimal(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
