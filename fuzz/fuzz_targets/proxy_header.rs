//! libFuzzer's entry to `trivet_fuzz::proxy_header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trivet_fuzz::proxy_header::check(bytes));
