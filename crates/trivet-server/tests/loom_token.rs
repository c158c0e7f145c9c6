//! Every order of events around the real token cell, tried by loom: never two owners, never none.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p trivet-server --release --test loom_token`.
#![allow(clippy::unwrap_used, reason = "what fails in a test fails the test")]

// `src/token.rs` says `std::sync::atomic`. Here this crate is what it calls `std`, so that the file
// itself is what loom runs. It has no harness, because that would bring in the unit tests of the
// file, which do not run under loom.
#[cfg(loom)]
extern crate self as std;

#[cfg(loom)]
pub mod ptr {
    //! What the file uses of `std::ptr`.
    pub use core::ptr::null_mut;
}

#[cfg(loom)]
pub mod sync {
    //! What the file uses of `std::sync`.
    pub mod atomic {
        //! Loom's, instead of the real ones.
        pub use loom::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
    }
}

#[cfg(loom)]
#[allow(dead_code, reason = "what only the engine uses is not called here")]
#[allow(unused_imports, reason = "without a harness nothing is left of the file's own tests")]
#[path = "../src/token.rs"]
mod token;

#[cfg(not(loom))]
fn main() {}

#[cfg(loom)]
fn main() {
    models::owner_and_monitor_take_a_deposit_once();
    models::a_late_look_takes_no_later_deposit();
    models::a_stolen_token_that_another_thread_deposits_stays_its_own();
    models::a_sleeping_monitor_is_woken_by_a_deposit();
}

#[cfg(loom)]
mod models {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use crate::token::{Look, Ticket, TokenCell};

    /// What is handed around. Loom fails if two threads use it without an order between them.
    struct Hub(UnsafeCell<u32>);

    impl Hub {
        fn new() -> Box<Self> {
            Box::new(Self(UnsafeCell::new(0)))
        }

        fn work(&self) {
            self.0.with_mut(|count| {
                // SAFETY: loom checks that nobody else is in here, which is what is tested.
                unsafe { *count += 1 }
            });
        }
    }

    /// Owners that hold the hub now, or have taken it for good.
    #[derive(Default)]
    struct Owners(AtomicUsize);

    impl Owners {
        fn enter(&self) {
            assert_eq!(self.0.fetch_add(1, Ordering::Relaxed), 0, "two owners");
        }

        fn leave(&self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn steal(cell: &TokenCell<Hub>, owners: &Owners) -> Option<Box<Hub>> {
        let Look::Deposited(ticket) = cell.look() else { return None };
        let hub = cell.take(ticket)?;
        owners.enter();
        hub.work();
        Some(hub)
    }

    fn deposit(cell: &TokenCell<Hub>, owners: &Owners, ticket: Ticket, hub: Box<Hub>) {
        hub.work();
        owners.leave();
        cell.deposit(ticket, hub);
    }

    fn take_back(cell: &TokenCell<Hub>, owners: &Owners, ticket: Ticket) -> Option<Box<Hub>> {
        let hub = cell.take(ticket)?;
        owners.enter();
        hub.work();
        Some(hub)
    }

    pub(crate) fn owner_and_monitor_take_a_deposit_once() {
        loom::model(|| {
            let cell = Arc::new(TokenCell::new());
            let owners = Arc::new(Owners::default());
            let monitor = thread::spawn({
                let (cell, owners) = (Arc::clone(&cell), Arc::clone(&owners));
                move || steal(&cell, &owners).is_some()
            });
            owners.enter();
            let ticket = Ticket::first(1).next();
            deposit(&cell, &owners, ticket, Hub::new());
            let kept = take_back(&cell, &owners, ticket).is_some();
            let stolen = monitor.join().unwrap();
            assert!(kept != stolen, "kept {kept}, stolen {stolen}");
        });
    }

    pub(crate) fn a_late_look_takes_no_later_deposit() {
        loom::model(|| {
            let cell = Arc::new(TokenCell::new());
            let owners = Arc::new(Owners::default());
            let monitor = thread::spawn({
                let (cell, owners) = (Arc::clone(&cell), Arc::clone(&owners));
                move || {
                    let first = cell.look();
                    let hub = steal(&cell, &owners);
                    // What was seen at first may be taken again only if it was not taken.
                    if let (Look::Deposited(ticket), Some(_)) = (first, &hub) {
                        assert!(cell.take(ticket).is_none());
                    }
                    hub.is_some()
                }
            });
            owners.enter();
            let first = Ticket::first(1).next();
            deposit(&cell, &owners, first, Hub::new());
            let mut kept = take_back(&cell, &owners, first);
            if let Some(hub) = kept.take() {
                let second = first.next();
                deposit(&cell, &owners, second, hub);
                assert!(cell.take(first).is_none(), "an old ticket took a new deposit");
                kept = take_back(&cell, &owners, second);
            }
            let stolen = monitor.join().unwrap();
            assert!(kept.is_some() != stolen);
        });
    }

    pub(crate) fn a_stolen_token_that_another_thread_deposits_stays_its_own() {
        loom::model(|| {
            let cell = Arc::new(TokenCell::new());
            let owners = Arc::new(Owners::default());
            // The monitor steals and passes the hub to a second thread, which deposits it anew.
            let other = thread::spawn({
                let (cell, owners) = (Arc::clone(&cell), Arc::clone(&owners));
                move || {
                    let Some(hub) = steal(&cell, &owners) else { return (false, false) };
                    let ticket = Ticket::first(2).next();
                    deposit(&cell, &owners, ticket, hub);
                    (true, take_back(&cell, &owners, ticket).is_some())
                }
            });
            owners.enter();
            let ticket = Ticket::first(1).next();
            deposit(&cell, &owners, ticket, Hub::new());
            let kept = take_back(&cell, &owners, ticket).is_some();
            let (stolen, own) = other.join().unwrap();
            assert!(kept != stolen, "kept {kept}, stolen {stolen}");
            assert_eq!(own, stolen, "nobody else knows the second ticket");
        });
    }

    pub(crate) fn a_sleeping_monitor_is_woken_by_a_deposit() {
        loom::model(|| {
            let cell = Arc::new(TokenCell::new());
            let owners = Arc::new(Owners::default());
            let sleeps = Arc::new(AtomicBool::new(false));
            let seat = Arc::new((Mutex::new(false), Condvar::new()));
            // An application thread: it deposits, then blocks for ever.
            let blocked = thread::spawn({
                let (cell, owners, sleeps, seat) = (
                    Arc::clone(&cell),
                    Arc::clone(&owners),
                    Arc::clone(&sleeps),
                    Arc::clone(&seat),
                );
                move || {
                    owners.enter();
                    deposit(&cell, &owners, Ticket::first(1).next(), Hub::new());
                    // Loom takes sequentially consistent accesses for acquire and release; the
                    // fence is what they mean between this store and this load.
                    fence(Ordering::SeqCst);
                    if sleeps.load(Ordering::SeqCst) {
                        *seat.0.lock().unwrap() = true;
                        seat.1.notify_one();
                    }
                }
            });
            // The monitor, without its ticks: it must come by the token through the poke alone.
            let mut last = cell.look();
            let hub = loop {
                if let Some(hub) = steal(&cell, &owners) {
                    break hub;
                }
                sleeps.store(true, Ordering::SeqCst);
                fence(Ordering::SeqCst);
                let look = cell.look();
                if look == last {
                    let mut poked = seat.0.lock().unwrap();
                    while !*poked {
                        poked = seat.1.wait(poked).unwrap();
                    }
                    *poked = false;
                }
                last = look;
                sleeps.store(false, Ordering::Relaxed);
            };
            hub.work();
            blocked.join().unwrap();
        });
    }
}
