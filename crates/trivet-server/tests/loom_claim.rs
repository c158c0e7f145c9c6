//! Every order of events around the real claim, tried by loom: the client hears one voice, and what
//! the watch looks at is not taken away from under it.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p trivet-server --release --test loom_claim`.
#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

// As in `loom_token`: this crate is what `src/claim.rs` calls `std`.
#[cfg(loom)]
extern crate self as std;

#[cfg(loom)]
pub mod sync {
    //! What the file uses of `std::sync`.
    pub mod atomic {
        //! Loom's, instead of the real ones.
        pub use loom::sync::atomic::{AtomicU32, Ordering};
    }
}

#[cfg(loom)]
pub mod thread {
    //! What the file uses of `std::thread`.
    pub use loom::thread::yield_now;
}

#[cfg(loom)]
#[allow(dead_code, reason = "what only the engine uses is not called here")]
#[allow(unused_imports, reason = "without a harness nothing is left of the file's own tests")]
#[path = "../src/claim.rs"]
mod claim;

#[cfg(not(loom))]
fn main() {}

#[cfg(loom)]
fn main() {
    models::the_client_hears_one_voice();
    models::nothing_is_taken_away_while_it_is_looked_at();
    models::an_exception_is_raised_in_no_later_request();
    models::a_sleeping_watch_is_woken_by_a_request();
}

#[cfg(loom)]
mod models {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use crate::claim::{Claim, Look};

    /// A request's socket. Loom fails if it is used by two without an order between them.
    struct Socket(UnsafeCell<u32>);

    impl Socket {
        fn touch(&self) {
            self.0.with_mut(|count| {
                // SAFETY: loom checks that nobody else is in here, which is what is tested.
                unsafe { *count += 1 }
            });
        }
    }

    pub(crate) fn the_client_hears_one_voice() {
        loom::model(|| {
            let claim = Arc::new(Claim::new());
            let socket = Arc::new(Socket(UnsafeCell::new(0)));
            claim.open();
            let watch = thread::spawn({
                let (claim, socket) = (Arc::clone(&claim), Arc::clone(&socket));
                move || {
                    let spoke = claim.hold(Look::Open);
                    if spoke {
                        socket.touch();
                        claim.let_go(true);
                    }
                    spoke
                }
            });
            let thread_spoke = claim.take();
            if thread_spoke {
                socket.touch();
            }
            let heard = claim.close();
            socket.touch(); // it is closed
            let watch_spoke = watch.join().unwrap();
            assert!(thread_spoke != watch_spoke);
            assert_eq!(heard, watch_spoke);
        });
    }

    pub(crate) fn nothing_is_taken_away_while_it_is_looked_at() {
        loom::model(|| {
            let claim = Arc::new(Claim::new());
            let socket = Arc::new(Socket(UnsafeCell::new(0)));
            claim.open();
            let watch = thread::spawn({
                let (claim, socket) = (Arc::clone(&claim), Arc::clone(&socket));
                move || {
                    if claim.hold(Look::Open) {
                        socket.touch();
                        claim.let_go(false);
                    }
                }
            });
            // Two requests, the first streamed: it is open again between two parts.
            assert!(claim.take());
            claim.open();
            assert!(!claim.close());
            socket.touch();
            claim.open();
            assert!(!claim.close());
            socket.touch();
            watch.join().unwrap();
        });
    }

    /// The main thread raises an exception in a request that was given up, and in no other.
    pub(crate) fn an_exception_is_raised_in_no_later_request() {
        loom::model(|| {
            let claim = Arc::new(Claim::new());
            let raised = Arc::new(AtomicBool::new(false));
            claim.open();
            assert!(claim.hold(Look::Open));
            claim.let_go(true);
            let main = thread::spawn({
                let (claim, raised) = (Arc::clone(&claim), Arc::clone(&raised));
                move || {
                    if claim.hold(Look::Spoken) {
                        raised.store(true, Ordering::Relaxed);
                        claim.let_go(true);
                    }
                }
            });
            assert!(claim.close());
            raised.store(false, Ordering::Relaxed);
            claim.open();
            assert!(!claim.close());
            main.join().unwrap();
            assert!(!raised.load(Ordering::Relaxed), "it was raised too late");
        });
    }

    /// The watch says that it sleeps and looks again; a request begins and looks whether it sleeps.
    pub(crate) fn a_sleeping_watch_is_woken_by_a_request() {
        loom::model(|| {
            let claim = Arc::new(Claim::new());
            let sleeps = Arc::new(AtomicBool::new(false));
            let woken = Arc::new((Mutex::new(false), Condvar::new()));
            let seen = Arc::new(AtomicUsize::new(0));
            let watch = thread::spawn({
                let (claim, sleeps) = (Arc::clone(&claim), Arc::clone(&sleeps));
                let (woken, seen) = (Arc::clone(&woken), Arc::clone(&seen));
                move || {
                    sleeps.store(true, Ordering::SeqCst);
                    fence(Ordering::SeqCst); // see `loom_token`
                    if claim.look() == Look::Idle {
                        let mut is_woken = woken.0.lock().unwrap();
                        while !*is_woken {
                            is_woken = woken.1.wait(is_woken).unwrap();
                        }
                    }
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
            claim.open();
            fence(Ordering::SeqCst);
            if sleeps.load(Ordering::SeqCst) {
                *woken.0.lock().unwrap() = true;
                woken.1.notify_one();
            }
            watch.join().unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), 1);
        });
    }
}
