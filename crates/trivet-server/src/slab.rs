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
    /// New places begin with this generation: above that of every place that has been given up.
    first_generation: u32,
    occupied: usize,
    out: usize,
}

impl<A: Application> Slab<A> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), first_generation: 0, occupied: 0, out: 0 }
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
            self.entries.push(Entry { generation: self.first_generation, slot: Slot::Free });
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
        let Some(entry) = self.entries.get_mut(key.index as usize) else { return };
        if entry.generation != key.generation {
            return;
        }
        // The highest generation is that of listeners.
        entry.generation = entry.generation.wrapping_add(1) & (u32::MAX >> 1);
        entry.slot = Slot::Free;
        self.free.push(key.index);
        self.occupied -= 1;
        self.out -= 1;
    }

    /// Gives up the free places at the end, and their memory.
    pub(crate) fn shrink(&mut self) {
        // Of a place that is reserved and empty nobody but the list of free ones can tell.
        let mut is_free = vec![false; self.entries.len()];
        for &index in &self.free {
            is_free[index as usize] = true;
        }
        let length = is_free.iter().rposition(|&free| !free).map_or(0, |last| last + 1);
        let given_up = self.entries.drain(length..).map(|entry| entry.generation);
        self.first_generation = given_up.fold(self.first_generation, u32::max);
        self.entries.shrink_to_fit();
        self.free.retain(|&index| (index as usize) < length);
        self.free.shrink_to_fit();
    }

    /// A connection that is here.
    pub(crate) fn look(&self, key: Key) -> Option<&Connection<A>> {
        let entry = self.entries.get(key.index as usize)?;
        match &entry.slot {
            Slot::Here(connection) if entry.generation == key.generation => Some(connection),
            _ => None,
        }
    }

    /// Every connection that is here, for the sweep of deadlines.
    pub(crate) fn here(&self) -> impl Iterator<Item = &Connection<A>> {
        self.entries.iter().filter_map(|entry| match &entry.slot {
            Slot::Here(connection) => Some(&**connection),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::fake::{Fake, connection};

    /// A slab with one connection in it.
    fn slab_with_one() -> (Slab<Fake>, Key) {
        let mut slab = Slab::new();
        let key = slab.reserve();
        slab.put(connection(key).0);
        (slab, key)
    }

    fn is_gone(slab: &mut Slab<Fake>, key: Key) -> bool {
        matches!(slab.take(key), Found::Gone)
    }

    #[test]
    fn a_connection_is_found_once_and_its_mark_while_it_is_out() {
        let (mut slab, key) = slab_with_one();
        assert_eq!((slab.len(), slab.out()), (1, 0));
        let Found::Here(taken) = slab.take(key) else { panic!("it was put there") };
        assert_eq!((slab.len(), slab.out()), (1, 1));
        for _ in 0..2 {
            let Found::Out(mark) = slab.take(key) else { panic!("it is out") };
            assert!(Arc::ptr_eq(&mark, &taken.lent));
        }
        slab.put(taken);
        assert_eq!((slab.len(), slab.out()), (1, 0));
        assert!(matches!(slab.take(key), Found::Here(_)));
    }

    #[test]
    fn a_late_event_never_finds_the_next_connection_in_the_same_place() {
        let (mut slab, key) = slab_with_one();
        assert!(matches!(slab.take(key), Found::Here(_)));
        slab.forget(key);
        assert_eq!((slab.len(), slab.out()), (0, 0));
        assert!(is_gone(&mut slab, key));

        let next = slab.reserve();
        assert_eq!(next.index, key.index);
        assert!(is_gone(&mut slab, key));
        slab.put(connection(next).0);
        assert!(is_gone(&mut slab, key));
        // Not even a second farewell to the old one touches it.
        slab.forget(key);
        assert_eq!((slab.len(), slab.out()), (1, 0));
        assert!(matches!(slab.take(next), Found::Here(_)));
    }

    #[test]
    fn a_key_that_was_never_given_finds_nothing() {
        let (mut slab, _) = slab_with_one();
        assert!(is_gone(&mut slab, Key { index: 1, generation: 0 }));
        assert!(is_gone(&mut slab, Key { index: 0, generation: 1 }));
    }

    #[test]
    fn a_place_that_is_reserved_but_empty_is_gone_and_can_be_forgotten() {
        let mut slab = Slab::<Fake>::new();
        let key = slab.reserve();
        assert!(is_gone(&mut slab, key));
        slab.forget(key);
        assert_eq!((slab.len(), slab.out()), (0, 0));
    }

    #[test]
    fn places_that_were_given_up_are_as_new_and_yet_no_late_event_finds_them() {
        let mut slab = Slab::<Fake>::new();
        let keys: Vec<Key> = (0..4).map(|_| slab.reserve()).collect();
        slab.put(connection(keys[1]).0);
        slab.forget(keys[0]);
        slab.forget(keys[3]);
        slab.shrink();
        // The third is reserved, so it and what lies before it stay.
        assert_eq!((slab.entries.len(), &*slab.free), (3, &[0][..]));
        assert!(matches!(slab.take(keys[1]), Found::Here(_)));
        slab.forget(keys[1]);
        slab.forget(keys[2]);
        slab.shrink();
        assert_eq!((slab.entries.len(), slab.entries.capacity(), slab.free.len()), (0, 0, 0));

        let again = slab.reserve();
        slab.put(connection(again).0);
        assert_eq!((again.index, slab.len()), (0, 1));
        for old in keys {
            assert!(is_gone(&mut slab, old));
            slab.forget(old);
        }
        assert!(matches!(slab.take(again), Found::Here(_)));
    }

    #[test]
    fn the_sweep_sees_only_what_is_here() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..3)
            .map(|_| {
                let key = slab.reserve();
                slab.put(connection(key).0);
                key
            })
            .collect();
        let Found::Here(out) = slab.take(keys[1]) else { panic!("it was put there") };
        let here: Vec<Key> = slab.here().map(|connection| connection.key).collect();
        assert_eq!(here, [keys[0], keys[2]]);
        slab.put(out);
        assert_eq!(slab.here().count(), 3);
    }

    #[test]
    fn no_connection_gets_the_key_of_a_listener() {
        // Hub::LISTENER
        let (mut slab, mut key) = slab_with_one();
        slab.entries[0].generation = u32::MAX - 1;
        key.generation = u32::MAX - 1;
        assert!(matches!(slab.take(key), Found::Here(_)));
        slab.forget(key);
        assert_ne!(slab.reserve().generation, u32::MAX);
    }
}
