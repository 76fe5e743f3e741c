//! Forwards one client connection of the proxy to the server.

use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::{Either, select};
use tokio::net::TcpStream;

use crate::{
    gate::{Gate, Held, Traffic},
    orders::Orders,
    pattern::Window,
};

/// The most that is read and forwarded at once.
const CHUNK: usize = 64 * 1024;

/// The state of one connection that the proxy can change.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) gate: Gate,
    /// Answers are dropped.
    mute: AtomicBool,
}

/// Why one direction ended.
enum End {
    /// The sender closed or reset its socket.
    Closed,
    /// The receiver closed or reset its socket.
    Undeliverable,
}

struct Relay<'a> {
    client: &'a TcpStream,
    server: &'a TcpStream,
    orders: &'a Orders,
    connection: &'a Connection,
}

/// Connects `client` to `server` and forwards until either side closes; then closes the other side.
pub(crate) async fn serve(client: TcpStream, server: String, orders: Arc<Orders>, connection: Arc<Connection>) {
    let gate = &connection.gate;
    gate.pass(Traffic::Connection, || ()).await;
    let server = TcpStream::connect(server).await;
    if let Ok(server) = &server {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let relay = Relay {
            client: &client,
            server,
            orders: &orders,
            connection: &connection,
        };
        relay.run().await;
    }
    gate.pass(Traffic::Connection, || drop((client, server))).await;
}

impl Relay<'_> {
    async fn run(&self) {
        // When a write fails, the other direction still delivers what its sender wrote before it closed.
        let _ = match select(pin!(self.requests()), pin!(self.answers())).await {
            Either::Left((End::Undeliverable, answers)) => answers.await,
            Either::Right((End::Undeliverable, requests)) => requests.await,
            Either::Left((End::Closed, _)) | Either::Right((End::Closed, _)) => End::Closed,
        };
    }

    async fn requests(&self) -> End {
        let (mut buffer, mut window) = (vec![0; CHUNK], Window::default());
        let gate = &self.connection.gate;
        while let Ok(length @ 1..) = gate.read(Traffic::Request, self.client, &mut buffer).await {
            let chunk = buffer.get(..length).unwrap_or_default();
            self.orders.pause().await;
            window.push(chunk);
            if self.forward_request(chunk, &window).await.is_err() {
                return End::Undeliverable;
            }
        }
        End::Closed
    }

    /// Forwards a chunk. Answers are stopped before the server gets it, so that its answer is never seen.
    async fn forward_request(&self, chunk: &[u8], window: &Window) -> io::Result<()> {
        let triggered = self.orders.lock().take_triggered(window);
        let Connection { gate, mute } = self.connection;
        if triggered.swallow {
            mute.store(true, Ordering::SeqCst);
        }
        if triggered.freeze {
            gate.hold(Held::Answers);
        }
        gate.write_all(Traffic::Request, self.server, chunk).await?;
        if triggered.freeze {
            gate.hold(Held::Everything);
        }
        for sender in triggered.forwarded {
            // Fails when the test has stopped waiting.
            let _ = sender.send(());
        }
        Ok(())
    }

    async fn answers(&self) -> End {
        let mut buffer = vec![0; CHUNK];
        let Connection { gate, mute } = self.connection;
        while let Ok(length @ 1..) = gate.read(Traffic::Answer, self.server, &mut buffer).await {
            let chunk = buffer.get(..length).unwrap_or_default();
            self.orders.pause().await;
            if self.orders.lock().swallow {
                // For good: after a gap, the rest of the stream cannot be parsed.
                mute.store(true, Ordering::SeqCst);
            }
            let forwards = !mute.load(Ordering::SeqCst);
            if forwards && gate.write_all(Traffic::Answer, self.client, chunk).await.is_err() {
                return End::Undeliverable;
            }
        }
        End::Closed
    }
}
