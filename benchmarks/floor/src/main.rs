//! Answers every request head with the same bytes: one thread, edge-triggered epoll, one read and one
//! write per request. No parser, no limits, no app; bodies are not understood. The least that a server
//! on this kernel can cost.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, listen, recv,
    send, socket_with, sockopt,
};

/// As long as what a real server sends: its name, a date, a type, a length, 13 bytes.
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
Content-Type: text/html; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!";

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// The listener's mark among the events; connections are marked with their descriptor's number.
const LISTENER: u64 = u64::MAX;

/// One client: its socket, and how many bytes of "\r\n\r\n" the last read ended with.
struct Connection {
    socket: OwnedFd,
    matched: usize,
}

fn main() -> io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| io::Error::other("usage: floor PORT"))?;
    let listener = listen_on(port)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;

    // Indexed by descriptor: the kernel hands out the lowest free number.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let mark = event.data.u64();
            if mark == LISTENER {
                accept_all(&listener, &poll, &mut connections)?;
                continue;
            }
            let slot = &mut connections[mark as usize];
            if slot.as_mut().is_some_and(|connection| !answer(connection, &mut buffer)) {
                *slot = None;
            }
        }
    }
}

fn listen_on(port: u16) -> io::Result<OwnedFd> {
    let listener = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    listen(&listener, 1024)?;
    Ok(listener)
}

fn accept_all(
    listener: &OwnedFd,
    poll: &OwnedFd,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    loop {
        let socket = match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(socket) => socket,
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::CONNABORTED | Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        sockopt::set_tcp_nodelay(&socket, true)?;
        let index = socket.as_raw_fd() as usize;
        epoll::add(
            poll,
            &socket,
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET,
        )?;
        if connections.len() <= index {
            connections.resize_with(index + 1, || None);
        }
        connections[index] = Some(Connection { socket, matched: 0 });
    }
}

/// Read once per event unless the buffer came back full, and answer each head; false when the client left.
fn answer(connection: &mut Connection, buffer: &mut [u8]) -> bool {
    loop {
        let length = match recv(&connection.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => return false,
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return true,
            Err(Errno::INTR) => continue,
            Err(_) => return false,
        };
        for _ in 0..heads_ended(&buffer[..length], &mut connection.matched) {
            if send(&connection.socket, ANSWER, SendFlags::NOSIGNAL) != Ok(ANSWER.len()) {
                return false;
            }
        }
        // A short read says that the socket is drained (epoll(7), questions and answers, 9).
        if length < buffer.len() {
            return true;
        }
    }
}

/// How many heads end in these bytes; `matched` carries a "\r\n\r\n" cut by the end of a read.
fn heads_ended(bytes: &[u8], matched: &mut usize) -> usize {
    // The usual case with SIMD: the read begins at a head's first byte and ends with a head's last.
    if *matched == 0 && bytes.ends_with(END_OF_HEAD) {
        return memchr::memmem::find_iter(bytes, END_OF_HEAD).count();
    }
    let mut ended = 0;
    for &byte in bytes {
        if byte == END_OF_HEAD[*matched] {
            *matched += 1;
        } else {
            *matched = usize::from(byte == b'\r');
        }
        if *matched == END_OF_HEAD.len() {
            *matched = 0;
            ended += 1;
        }
    }
    ended
}
