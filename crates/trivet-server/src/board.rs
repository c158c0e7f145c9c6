//! What threads run and which routes take long, in memory that another process reads at any time.
//!
//! Beside the counters, for a process whose interpreter is held and that can be asked nothing. Each entry
//! has one writer at a time, and a version that is odd while it is written: a reader that sees it odd,
//! or changed, reads again.

use std::sync::Mutex;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

/// Entries of each kind, 64-bit words of an entry, and those of them that hold text.
pub const ENTRIES: usize = 32;
/// See [`ENTRIES`].
pub const WORDS: usize = 16;
/// See [`ENTRIES`].
pub const TEXT_WORDS: usize = 10;
const NUMBERS: usize = WORDS - TEXT_WORDS - 2;
const TEXT_BYTES: usize = TEXT_WORDS * 8;

/// A request that took less is on no list of slow routes, and costs one comparison.
pub(crate) const SLOW_MICROSECONDS: u64 = 1_000;
/// A part of a path that is so long and has a digit is a name that was made by a machine.
const LONG_PART: usize = 16;

/// Version, numbers, bytes of the text, and the text.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Entry {
    version: AtomicU64,
    numbers: [AtomicU64; NUMBERS],
    length: AtomicU64,
    text: [AtomicU64; TEXT_WORDS],
}

impl Entry {
    fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            numbers: [const { AtomicU64::new(0) }; NUMBERS],
            length: AtomicU64::new(0),
            text: [const { AtomicU64::new(0) }; TEXT_WORDS],
        }
    }

    fn is_empty(&self) -> bool {
        self.length.load(Relaxed) == 0
    }

    fn number(&self, place: usize) -> u64 {
        self.numbers[place].load(Relaxed)
    }

    /// Empty text is an empty entry.
    fn write(&self, numbers: [u64; NUMBERS], text: &[u8]) {
        let version = self.version.load(Relaxed);
        self.version.store(version.wrapping_add(1), Relaxed);
        fence(Release);
        for (place, number) in self.numbers.iter().zip(numbers) {
            place.store(number, Relaxed);
        }
        let text = &text[..text.len().min(TEXT_BYTES)];
        self.length.store(text.len() as u64, Relaxed);
        for (place, bytes) in self.text.iter().zip(text.chunks(8)) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            place.store(u64::from_ne_bytes(word), Relaxed);
        }
        self.version.store(version.wrapping_add(2), Release);
    }

    /// Only for tests: a reader that is in the same process.
    #[cfg(test)]
    fn read(&self) -> ([u64; NUMBERS], Vec<u8>) {
        let bytes: Vec<u8> =
            self.text.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
        let length = self.length.load(Relaxed) as usize;
        (std::array::from_fn(|place| self.number(place)), bytes[..length].to_vec())
    }
}

/// All entries of one process.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Board {
    running: [Entry; ENTRIES],
    routes: [Entry; ENTRIES],
}

/// One request that runs, for [`Board::show_running`].
pub(crate) struct Shown {
    /// Milliseconds on the monotonic clock.
    pub(crate) began: u64,
    pub(crate) thread: u64,
    /// Method and target.
    pub(crate) text: Vec<u8>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            running: std::array::from_fn(|_| Entry::new()),
            routes: std::array::from_fn(|_| Entry::new()),
        }
    }

    /// For the watch alone.
    pub(crate) fn show_running(&self, requests: &[Shown]) {
        for (place, entry) in self.running.iter().enumerate() {
            match requests.get(place) {
                Some(request) => {
                    entry.write([request.began, request.thread, 0, 0], &request.text);
                }
                None if entry.is_empty() => {}
                None => entry.write([0; NUMBERS], b""),
            }
        }
    }
}

/// Who may write to the routes of a board.
#[derive(Debug, Default)]
pub(crate) struct RoutesGuard(Mutex<()>);

impl RoutesGuard {
    /// Adds a request that took long to its route. Where there is no room, the route that has cost least
    /// makes some: one that costs much comes back.
    pub(crate) fn note(&self, board: &Board, method: &[u8], path: &[u8], microseconds: u64) {
        let route = route(method, path);
        let hash = fnv(&route);
        // A panic in a holder left a version odd at worst, which readers pass over.
        let _held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = board.routes.iter().find(|it| !it.is_empty() && it.number(3) == hash);
        if let Some(entry) = known {
            let (count, total, longest) = (entry.number(0), entry.number(1), entry.number(2));
            let numbers = [count + 1, total + microseconds, longest.max(microseconds), hash];
            return entry.write(numbers, &route);
        }
        let cheapest = |entry: &&Entry| if entry.is_empty() { 0 } else { entry.number(1).max(1) };
        if let Some(entry) = board.routes.iter().min_by_key(cheapest) {
            entry.write([1, microseconds, microseconds, hash], &route);
        }
    }
}

/// Method and path, with `#` for what differs between requests for the same view: numbers, and long
/// parts with digits.
fn route(method: &[u8], path: &[u8]) -> Vec<u8> {
    let mut route = method[..method.len().min(16)].to_vec();
    for (place, part) in path.split(|&byte| byte == b'/').enumerate() {
        route.push(if place == 0 { b' ' } else { b'/' });
        if part.len() >= LONG_PART && part.iter().any(u8::is_ascii_digit) {
            route.push(b'#');
            continue;
        }
        let mut in_number = false;
        for &byte in part {
            let is_digit = byte.is_ascii_digit();
            if !(is_digit && in_number) {
                route.push(if is_digit { b'#' } else { byte });
            }
            in_number = is_digit;
        }
        if route.len() >= TEXT_BYTES {
            route.truncate(TEXT_BYTES);
            break;
        }
    }
    route
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Shown {
        Shown { began: 5, thread: 7, text: text.as_bytes().to_vec() }
    }

    #[test]
    fn an_entry_is_as_large_as_readers_take_it_to_be() {
        assert_eq!(size_of::<Entry>(), WORDS * 8);
        assert_eq!(size_of::<Board>(), 2 * ENTRIES * WORDS * 8);
    }

    #[test]
    fn requests_are_shown_until_they_are_over() {
        let board = Board::new();
        board.show_running(&[shown("GET /a"), shown("GET /b")]);
        assert_eq!(board.running[1].read(), ([5, 7, 0, 0], b"GET /b".to_vec()));
        board.show_running(&[shown("GET /b")]);
        assert_eq!(board.running[0].read().1, b"GET /b");
        assert!(board.running[1].is_empty());
        assert_eq!(board.running[0].version.load(Relaxed) % 2, 0);
    }

    #[test]
    fn long_texts_are_cut_and_more_requests_than_there_is_room_for_left_out() {
        let board = Board::new();
        let many: Vec<Shown> = (0..ENTRIES + 1).map(|_| shown(&"x".repeat(200))).collect();
        board.show_running(&many);
        assert_eq!(board.running[ENTRIES - 1].read().1, "x".repeat(TEXT_BYTES).as_bytes());
    }

    #[test]
    fn numbers_and_made_up_names_do_not_make_routes_of_their_own() {
        for (path, expected) in [
            ("/", "GET /"),
            ("/users/7/files/12", "GET /users/#/files/#"),
            ("/v2/users", "GET /v#/users"),
            ("/orders/9f1c2a4b-77aa-4d2e-8bb1-0f3c/pay", "GET /orders/#/pay"),
            ("/a-long-name-without-any-digit", "GET /a-long-name-without-any-digit"),
        ] {
            assert_eq!(String::from_utf8_lossy(&route(b"GET", path.as_bytes())), expected);
        }
        assert_eq!(route(b"GET", "/x".repeat(100).as_bytes()).len(), TEXT_BYTES);
    }

    #[test]
    fn a_route_has_count_sum_and_longest_of_its_requests() {
        let (board, guard) = (Board::new(), RoutesGuard::default());
        for (path, took) in [("/users/7", 2_000), ("/users/81", 5_000), ("/users/9", 1_000)] {
            guard.note(&board, b"GET", path.as_bytes(), took);
        }
        let ([count, total, longest, _], text) = board.routes[0].read();
        assert_eq!((count, total, longest, &text[..]), (3, 8_000, 5_000, &b"GET /users/#"[..]));
        assert!(board.routes[1].is_empty());
    }

    #[test]
    fn where_there_is_no_room_the_cheapest_route_makes_some() {
        let (board, guard) = (Board::new(), RoutesGuard::default());
        let path = |number: usize| format!("/{}", "abcdefgh".repeat(number + 1));
        for number in 0..ENTRIES {
            guard.note(&board, b"GET", &path(number).as_bytes()[..number + 2], 10_000);
        }
        guard.note(&board, b"GET", b"/cheap", 2_000);
        guard.note(&board, b"GET", b"/dear", 90_000);
        let names: Vec<Vec<u8>> = board.routes.iter().map(|entry| entry.read().1).collect();
        assert!(names.contains(&b"GET /dear".to_vec()));
        assert!(!names.contains(&b"GET /cheap".to_vec()));
        assert_eq!(names.iter().filter(|name| !name.is_empty()).count(), ENTRIES);
    }
}
