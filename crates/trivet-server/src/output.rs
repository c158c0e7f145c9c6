//! Bytes that the client has not taken yet: owned, shared with the application, or a part of a file.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use crate::system;

/// The longest run of one connection's bytes before the others get their turn.
const BYTES_PER_TURN: u64 = 4 * 1024 * 1024;
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
}

impl<B: AsRef<[u8]>> Output<B> {
    pub(crate) fn new() -> Self {
        Self { pieces: VecDeque::new(), owned: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn owned_bytes(&self) -> usize {
        self.owned
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
            Piece::Owned { bytes, sent } => {
                self.owned += bytes.len() - sent;
                match self.pieces.back_mut() {
                    // Many small chunks become one piece.
                    Some(Piece::Owned { bytes: last, .. }) if last.len() < 64 * 1024 => {
                        last.extend_from_slice(&bytes[sent..]);
                    }
                    _ => self.pieces.push_back(Piece::Owned { bytes, sent }),
                }
            }
            piece => self.pieces.push_back(piece),
        }
    }

    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        if let Some(Piece::Owned { bytes: last, .. }) = self.pieces.back_mut() {
            self.owned += bytes.len();
            last.extend_from_slice(bytes);
        } else {
            self.push(Piece::Owned { bytes: bytes.to_vec(), sent: 0 });
        }
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
