//! libFuzzer's entry to `trivet_fuzz::connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trivet_fuzz::connection::check(bytes));
