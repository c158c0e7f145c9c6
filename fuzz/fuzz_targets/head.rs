//! libFuzzer's entry to `trivet_fuzz::head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trivet_fuzz::head::check(bytes));
