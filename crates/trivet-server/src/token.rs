//! One thing that exactly one thread owns, laid open while its owner runs an application.
//!
//! The owner deposits the thing under a ticket, and takes it back with the same ticket; meanwhile
//! whoever has seen the ticket may take it instead. A ticket is never used twice, so a thread that
//! was slow can not take what a later owner has deposited.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Names one deposit: a count, and the number of the thread that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// Linux numbers threads up to 2^22 (proc(5), pid_max).
    const THREAD_BITS: u32 = 24;
    const TAKEN: u64 = 1 << 63;

    pub(crate) fn first(thread: u32) -> Self {
        Self(u64::from(thread) & ((1 << Self::THREAD_BITS) - 1))
    }

    /// The ticket of this thread's next deposit.
    pub(crate) fn next(self) -> Self {
        Self((self.0 + (1 << Self::THREAD_BITS)) & !Self::TAKEN)
    }

    pub(crate) fn thread(self) -> u32 {
        (self.0 & ((1 << Self::THREAD_BITS) - 1)) as u32
    }
}

/// What a look at the cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Deposited under this ticket.
    Deposited(Ticket),
    /// Taken; the number changes with each deposit.
    Taken(u64),
}

/// Where the thing lies while nobody holds it.
pub(crate) struct TokenCell<T> {
    ticket: AtomicU64,
    thing: AtomicPtr<T>,
}

impl<T> TokenCell<T> {
    pub(crate) fn new() -> Self {
        Self { ticket: AtomicU64::new(Ticket::TAKEN), thing: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Lays the thing down. There is only one, so no other deposit can be there.
    pub(crate) fn deposit(&self, ticket: Ticket, thing: Box<T>) {
        self.thing.store(Box::into_raw(thing), Ordering::Relaxed);
        // Sequentially consistent, because the depositor looks next whether the monitor sleeps,
        // and the monitor looks here before it goes to sleep.
        self.ticket.store(ticket.0, Ordering::SeqCst);
    }

    /// Takes the thing if this deposit is still there.
    pub(crate) fn take(&self, ticket: Ticket) -> Option<Box<T>> {
        self.ticket
            .compare_exchange(
                ticket.0,
                ticket.0 | Ticket::TAKEN,
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .ok()?;
        let thing = self.thing.load(Ordering::Relaxed);
        // SAFETY: the pointer came from `Box::into_raw` in `deposit`, which happened before (the
        // exchange acquires what the store of the ticket released). Only one thread's exchange
        // succeeds for each deposit, so the box is made once.
        Some(unsafe { Box::from_raw(thing) })
    }

    pub(crate) fn look(&self) -> Look {
        let ticket = self.ticket.load(Ordering::SeqCst);
        if ticket & Ticket::TAKEN == 0 {
            Look::Deposited(Ticket(ticket))
        } else {
            Look::Taken(ticket)
        }
    }
}

impl<T> Drop for TokenCell<T> {
    fn drop(&mut self) {
        if let Look::Deposited(ticket) = self.look() {
            drop(self.take(ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depositor_takes_its_own_deposit_back() {
        let cell = TokenCell::new();
        let ticket = Ticket::first(7).next();
        cell.deposit(ticket, Box::new("hub"));
        assert_eq!(cell.take(ticket), Some(Box::new("hub")));
        assert_eq!(cell.take(ticket), None);
    }

    #[test]
    fn an_old_ticket_does_not_take_a_later_deposit() {
        let cell = TokenCell::new();
        let old = Ticket::first(7).next();
        cell.deposit(old, Box::new(1));
        let thing = cell.take(old).unwrap();
        cell.deposit(Ticket::first(9).next(), thing);
        assert_eq!(cell.take(old), None);
    }

    #[test]
    fn a_look_names_the_thread_that_deposited() {
        let cell = TokenCell::new();
        cell.deposit(Ticket::first(41).next(), Box::new(()));
        let Look::Deposited(ticket) = cell.look() else { panic!("taken") };
        assert_eq!(ticket.thread(), 41);
    }
}
