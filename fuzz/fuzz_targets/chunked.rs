//! libFuzzer's entry to `trivet_fuzz::chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trivet_fuzz::chunked::check(bytes));
