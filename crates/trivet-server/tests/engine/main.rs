//! The engine as its callers see it: a fake application on real sockets, in threads, without Python.
#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

mod answering;
mod bodies;
mod client;
mod deadlines;
mod draining;
mod fairness;
mod gate;
mod handing_over;
mod leaving;
mod limits;
mod proxies;
mod room;
mod scheduling;
mod sending;
mod server;
mod slow;
mod stopping;
mod stress;
