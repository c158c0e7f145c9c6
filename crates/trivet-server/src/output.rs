//! Bytes that the client has not taken yet: owned, shared with the application, or a part of a file.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use crate::system;

/// The longest run of one connection's bytes before the others get their turn.
const BYTES_PER_TURN: u64 = 4 * 1024 * 1024;
/// Many small chunks become one piece, which ends at this size: what is sent of a piece is given
/// back only with the whole of it.
const APPEND_BYTES: usize = 64 * 1024;
/// One send call gathers at most so many pieces.
const PIECES_PER_CALL: usize = 16;

/// One piece of an answer.
pub(crate) enum Piece<B> {
    Owned { bytes: Vec<u8>, sent: usize },
    Shared { bytes: B, sent: usize },
    File { file: OwnedFd, offset: u64, rest: u64 },
}

impl<B: AsRef<[u8]>> Piece<B> {
    fn len(&self) -> u64 {
        match self {
            Self::Owned { bytes, sent } => (bytes.len() - sent) as u64,
            Self::Shared { bytes, sent } => (bytes.as_ref().len() - sent) as u64,
            Self::File { rest, .. } => *rest,
        }
    }

    fn memory(&self) -> Option<&[u8]> {
        match self {
            Self::Owned { bytes, sent } => Some(&bytes[*sent..]),
            Self::Shared { bytes, sent } => Some(&bytes.as_ref()[*sent..]),
            Self::File { .. } => None,
        }
    }
}

/// What a flush came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Everything is in the kernel's hands.
    All,
    /// The client takes no more now; the number of bytes that went out this time.
    Blocked(u64),
    /// Enough for one turn; there is room for more.
    Yielded,
    /// The client is gone, or the file ended early.
    Broken,
}

/// What is left to send, in order.
pub(crate) struct Output<B> {
    pieces: VecDeque<Piece<B>>,
    /// Bytes in memory that only this queue holds; what belongs to the application does not count.
    owned: usize,
    /// Bytes that the kernel has taken from here.
    handed_over: u64,
}

impl<B: AsRef<[u8]>> Output<B> {
    pub(crate) fn new() -> Self {
        Self { pieces: VecDeque::new(), owned: 0, handed_over: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn owned_bytes(&self) -> usize {
        self.owned
    }

    /// Bytes that the kernel has taken from here so far.
    pub(crate) fn handed_over(&self) -> u64 {
        self.handed_over
    }

    /// Pieces that are queued; a stream of shared pieces is bounded by their number.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn push(&mut self, piece: Piece<B>) {
        if piece.len() == 0 {
            return;
        }
        match piece {
            Piece::Owned { bytes, sent } if self.can_append() => self.push_copy(&bytes[sent..]),
            Piece::Owned { bytes, sent } => {
                self.owned += bytes.len() - sent;
                self.pieces.push_back(Piece::Owned { bytes, sent });
            }
            piece => self.pieces.push_back(piece),
        }
    }

    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.owned += bytes.len();
        match self.pieces.back_mut() {
            Some(Piece::Owned { bytes: last, .. }) if last.len() < APPEND_BYTES => {
                last.extend_from_slice(bytes);
            }
            _ => self.pieces.push_back(Piece::Owned { bytes: bytes.to_vec(), sent: 0 }),
        }
    }

    fn can_append(&self) -> bool {
        matches!(self.pieces.back(), Some(Piece::Owned { bytes, .. }) if bytes.len() < APPEND_BYTES)
    }

    /// Sends until all is out, the client takes no more, or the turn is over. Never blocks.
    pub(crate) fn flush(&mut self, socket: impl AsFd) -> Flushed {
        let socket = socket.as_fd();
        let mut total = 0;
        while let Some(front) = self.pieces.front_mut() {
            if total >= BYTES_PER_TURN {
                return Flushed::Yielded;
            }
            let result = match front {
                Piece::File { file, offset, rest } => {
                    match system::send_file(socket, &*file, offset, *rest) {
                        // The file is shorter than was promised: the client must see a cut answer.
                        Ok(0) => return Flushed::Broken,
                        result => result,
                    }
                }
                _ => self.send_memory(socket),
            };
            match result {
                Ok(sent) => {
                    total += sent as u64;
                    self.handed_over += sent as u64;
                    self.advance(sent);
                }
                Err(Errno::AGAIN) => return Flushed::Blocked(total),
                Err(Errno::INTR) => {}
                Err(_) => return Flushed::Broken,
            }
        }
        // An idle connection keeps no buffer.
        self.pieces = VecDeque::new();
        Flushed::All
    }

    fn send_memory(&self, socket: impl AsFd) -> Result<usize, Errno> {
        let mut slices = [IoSlice::new(&[]); PIECES_PER_CALL];
        let mut count = 0;
        for memory in self.pieces.iter().map_while(Piece::memory).take(PIECES_PER_CALL) {
            slices[count] = IoSlice::new(memory);
            count += 1;
        }
        system::send_pieces(socket, &slices[..count])
    }

    fn advance(&mut self, mut sent: usize) {
        while let Some(front) = self.pieces.front_mut() {
            let length = front.len();
            let step = length.min(sent as u64);
            match front {
                Piece::Owned { sent, .. } => {
                    *sent += step as usize;
                    self.owned -= step as usize;
                }
                Piece::Shared { sent, .. } => *sent += step as usize,
                Piece::File { offset, rest, .. } => {
                    *offset += step;
                    *rest -= step;
                }
            }
            sent -= step as usize;
            if step < length {
                return;
            }
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        let (ours, client) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours, client)
    }

    fn read(client: &mut UnixStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn owned(bytes: &[u8]) -> Piece<Vec<u8>> {
        Piece::Owned { bytes: bytes.to_vec(), sent: 0 }
    }

    fn shared(bytes: &[u8]) -> Piece<Vec<u8>> {
        Piece::Shared { bytes: bytes.to_vec(), sent: 0 }
    }

    fn file(bytes: &[u8], offset: u64, rest: u64) -> Piece<Vec<u8>> {
        let name = format!("trivet-output-{}-{offset}-{rest}.file", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut file =
            std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        // The descriptor keeps it; nothing is left behind.
        std::fs::remove_file(&path).unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Piece::File { file: file.into(), offset, rest }
    }

    #[test]
    fn pieces_of_every_kind_arrive_in_order() {
        let (ours, mut client) = pair();
        let mut output = Output::new();
        output.push(owned(b"head "));
        output.push(shared(b"shared "));
        output.push(file(b"0123456789", 2, 5));
        output.push_copy(b" tail");
        assert_eq!(output.owned_bytes(), 10);
        assert_eq!(output.flush(&ours), Flushed::All);
        assert_eq!(read(&mut client, 22), b"head shared 23456 tail");
        assert!(output.is_empty() && output.owned_bytes() == 0);
        assert_eq!(output.flush(&ours), Flushed::All);
    }

    #[test]
    fn more_pieces_than_one_call_takes_arrive_all() {
        let (ours, mut client) = pair();
        let mut output = Output::new();
        for number in 0..PIECES_PER_CALL as u8 * 3 {
            output.push(shared(&[number]));
        }
        assert_eq!(output.flush(&ours), Flushed::All);
        let expected: Vec<u8> = (0..PIECES_PER_CALL as u8 * 3).collect();
        assert_eq!(read(&mut client, expected.len()), expected);
    }

    #[test]
    fn small_parts_become_one_piece_and_empty_ones_none() {
        let mut output = Output::<Vec<u8>>::new();
        for _ in 0..100 {
            output.push(owned(b"part"));
            output.push(owned(b""));
            output.push(shared(b""));
            output.push_copy(b"copy");
        }
        assert_eq!((output.pieces(), output.owned_bytes()), (1, 800));
    }

    #[test]
    fn what_a_full_socket_does_not_take_goes_out_later() {
        let (ours, mut client) = pair();
        let body: Vec<u8> = (0..1_000_000).map(|at| (at * 31 + at / 251) as u8).collect();
        let mut output = Output::new();
        output.push(owned(&body));
        output.push(shared(&body));
        let mut received = Vec::new();
        let mut flushed = output.flush(&ours);
        while let Flushed::Blocked(sent) = flushed {
            assert!(sent > 0 && !output.is_empty());
            received.extend(read(&mut client, sent as usize));
            flushed = output.flush(&ours);
        }
        assert_eq!(flushed, Flushed::All);
        received.extend(read(&mut client, 2 * body.len() - received.len()));
        assert!(received[..body.len()] == body && received[body.len()..] == body);
    }

    #[test]
    fn a_client_that_is_gone_breaks_the_answer() {
        let (ours, client) = pair();
        drop(client);
        let mut output = Output::new();
        output.push(owned(b"nobody"));
        assert_eq!(output.flush(&ours), Flushed::Broken);
    }

    #[test]
    fn a_file_that_ends_early_breaks_the_answer() {
        let (ours, mut client) = pair();
        let mut output = Output::new();
        output.push(file(b"0123456789", 5, 6));
        assert_eq!(output.flush(&ours), Flushed::Broken);
        assert_eq!(read(&mut client, 5), b"56789");
    }

    #[test]
    fn a_stream_that_never_catches_up_does_not_grow_in_memory() {
        let (ours, mut client) = pair();
        let mut output = Output::<Vec<u8>>::new();
        // A client that takes as much as is made, with the kernel's buffer always full.
        output.push_copy(&vec![b'x'; 1_000_000]);
        let Flushed::Blocked(_) = output.flush(&ours) else { panic!("it took a million bytes") };
        for _ in 0..400 {
            output.push_copy(&[b'x'; 10_000]);
            read(&mut client, 10_000);
            output.flush(&ours);
        }
        assert!(output.owned_bytes() < 1_100_000);
        let held: usize = output
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Owned { bytes, .. } => bytes.capacity(),
                _ => 0,
            })
            .sum();
        assert!(held < 3_000_000, "{held} bytes for {}", output.owned_bytes());
    }
}
