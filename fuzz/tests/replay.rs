//! Every input that fuzzing has found worth keeping, and random ones, through the same checks.

use std::path::Path;

use trivet_fuzz::CHECKS;

#[test]
fn every_kept_input_still_holds() {
    for (target, check) in CHECKS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let mut inputs = 0;
        for entry in std::fs::read_dir(&folder).expect("each target has a folder in corpus") {
            check(&std::fs::read(entry.expect("a readable folder").path()).expect("readable"));
            inputs += 1;
        }
        assert!(inputs > 10, "{target}: only {inputs} inputs; make fuzz finds them");
    }
}

#[test]
fn random_plans_of_requests_are_answered_as_planned() {
    // xorshift64 (Marsaglia, "Xorshift RNGs", 2003): the same plans in every run.
    let mut state: u64 = 0x7472_6976_6574;
    for _ in 0..2_000 {
        let mut bytes = Vec::new();
        for _ in 0..12 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        trivet_fuzz::connection::check(&bytes);
    }
}
