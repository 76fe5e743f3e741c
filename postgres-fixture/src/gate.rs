//! The gate that a proxy connection passes before it reads, writes, opens or closes anything.

use std::io;

use tokio::{net::TcpStream, sync::watch};

/// What a connection does not forward. A larger variant includes the smaller ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    #[default]
    Nothing,
    Answers,
    Everything,
}

/// What asks to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Bytes from the client, or its close.
    Request,
    /// Bytes from the server, or its close.
    Answer,
    /// Opening the connection to the server, or closing both sockets.
    Connection,
}

/// The gate of one connection. All traffic of the connection passes it; a freeze closes it.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    held: watch::Sender<Held>,
}

impl Held {
    fn holds(self, traffic: Traffic) -> bool {
        match self {
            Self::Nothing => false,
            Self::Answers => traffic != Traffic::Request,
            Self::Everything => true,
        }
    }
}

impl Gate {
    /// Holds at least this much from now on. Never reopens the gate.
    pub(crate) fn hold(&self, held: Held) {
        self.held.send_modify(|now| *now = held.max(*now));
    }

    /// Reopens the gate: whatever waits at it goes on.
    pub(crate) fn open(&self) {
        self.held.send_replace(Held::Nothing);
    }

    /// Waits until `traffic` is not held, then runs `act`.
    ///
    /// The guard locks the state while `act` runs, so nothing passes any more once [`hold`](Self::hold) has returned. A
    /// check before the call of `act` would let one last chunk pass after a freeze.
    pub(crate) async fn pass<T>(&self, traffic: Traffic, act: impl FnOnce() -> T) -> T {
        let mut held = self.held.subscribe();
        // Fails only when the sender is dropped, and `self` owns it.
        let _guard = held.wait_for(|held| !held.holds(traffic)).await;
        act()
    }

    /// Reads once; 0 bytes at the end. While the gate is closed, bytes and a close stay unread in the socket.
    pub(crate) async fn read(&self, traffic: Traffic, from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            from.readable().await?;
            match self.pass(traffic, || from.try_read(buffer)).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Writes all bytes. While the gate is closed, the rest of them waits.
    pub(crate) async fn write_all(&self, traffic: Traffic, to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            to.writable().await?;
            match self.pass(traffic, || to.try_write(bytes)).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => bytes = bytes.get(result?..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}
