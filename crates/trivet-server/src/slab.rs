//! Connections by number, with a generation so that a late event never reaches a newer connection.

use std::sync::Arc;

use crate::application::Application;
use crate::connection::{Connection, Key, Lent};

/// Where one connection is.
enum Slot<A: Application> {
    Free,
    /// Here: the hub owns it.
    Here(Box<Connection<A>>),
    /// Out: a thread runs its request; events for it are noted on the shared mark.
    Out(Arc<Lent>),
}

struct Entry<A: Application> {
    generation: u32,
    slot: Slot<A>,
}

/// What an event found.
pub(crate) enum Found<A: Application> {
    Here(Box<Connection<A>>),
    Out(Arc<Lent>),
    Gone,
}

pub(crate) struct Slab<A: Application> {
    entries: Vec<Entry<A>>,
    free: Vec<u32>,
    occupied: usize,
    out: usize,
}

impl<A: Application> Slab<A> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), occupied: 0, out: 0 }
    }

    /// Connections that are open, those that are out included.
    pub(crate) fn len(&self) -> usize {
        self.occupied
    }

    /// Connections whose request runs now.
    pub(crate) fn out(&self) -> usize {
        self.out
    }

    /// A key for a new connection, which must be given with [`Slab::put`].
    pub(crate) fn reserve(&mut self) -> Key {
        self.occupied += 1;
        self.out += 1;
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry { generation: 0, slot: Slot::Free });
            (self.entries.len() - 1) as u32
        });
        Key { index, generation: self.entries[index as usize].generation }
    }

    /// Takes the connection out; while it is out, `take` finds its mark.
    pub(crate) fn take(&mut self, key: Key) -> Found<A> {
        let Some(entry) = self.entries.get_mut(key.index as usize) else {
            return Found::Gone;
        };
        if entry.generation != key.generation {
            return Found::Gone;
        }
        match std::mem::replace(&mut entry.slot, Slot::Free) {
            Slot::Free => Found::Gone,
            Slot::Out(mark) => {
                entry.slot = Slot::Out(Arc::clone(&mark));
                Found::Out(mark)
            }
            Slot::Here(connection) => {
                entry.slot = Slot::Out(Arc::clone(&connection.lent));
                self.out += 1;
                Found::Here(connection)
            }
        }
    }

    /// Puts a connection back, or in for the first time.
    pub(crate) fn put(&mut self, connection: Box<Connection<A>>) {
        let entry = &mut self.entries[connection.key.index as usize];
        debug_assert_eq!(entry.generation, connection.key.generation);
        entry.slot = Slot::Here(connection);
        self.out -= 1;
    }

    /// Gives the place of a connection that is out and will not come back to a later one.
    pub(crate) fn forget(&mut self, key: Key) {
        let entry = &mut self.entries[key.index as usize];
        if entry.generation != key.generation {
            return;
        }
        entry.generation = entry.generation.wrapping_add(1);
        entry.slot = Slot::Free;
        self.free.push(key.index);
        self.occupied -= 1;
        self.out -= 1;
    }

    /// Every connection that is here, for the sweep of deadlines.
    pub(crate) fn here(&self) -> impl Iterator<Item = &Connection<A>> {
        self.entries.iter().filter_map(|entry| match &entry.slot {
            Slot::Here(connection) => Some(&**connection),
            _ => None,
        })
    }
}
