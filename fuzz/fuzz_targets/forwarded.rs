//! libFuzzer's entry to `trivet_fuzz::forwarded`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trivet_fuzz::forwarded::check(bytes));
