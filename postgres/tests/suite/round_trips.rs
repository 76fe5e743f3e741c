//! A relay between a store and its server that counts round trips.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use sqlx::{ConnectOptions, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Counts how often the client speaks after the server has answered.
#[derive(Clone, Default)]
pub(crate) struct RoundTrips(Arc<Counts>);

#[derive(Default)]
struct Counts {
    trips: AtomicU32,
    answered: AtomicBool,
}

impl RoundTrips {
    /// The URL of the relay to the server at `url`.
    pub(crate) async fn to(url: &str) -> (Self, String) {
        let options: PgConnectOptions = url.parse().unwrap();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let counted = Self::default();
        let counts = Arc::clone(&counted.0);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let ((questions, answers), (back, forth)) = (client.into_split(), server.into_split());
                tokio::spawn(relay(questions, forth, Arc::clone(&counts), false));
                tokio::spawn(relay(back, answers, Arc::clone(&counts), true));
            }
        });
        let url = options.host("127.0.0.1").port(here.port()).to_url_lossy().to_string();
        (counted, url)
    }

    /// The round trips of some work.
    pub(crate) async fn of<T>(&self, work: impl Future<Output = T>) -> (T, u32) {
        self.0.answered.store(true, Ordering::SeqCst);
        let before = self.0.trips.load(Ordering::SeqCst);
        let result = work.await;
        (result, self.0.trips.load(Ordering::SeqCst) - before)
    }
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counts: Arc<Counts>, answers: bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if answers {
            counts.answered.store(true, Ordering::SeqCst);
        } else if counts.answered.swap(false, Ordering::SeqCst) {
            counts.trips.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
