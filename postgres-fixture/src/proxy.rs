//! A TCP proxy that fails where it is told to.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
    task::JoinHandle,
    time::sleep,
};

use crate::{pattern::Window, url::with_address};

/// A network between a test and a server: it passes everything on, until it is told to cut, to swallow, to delay or to
/// refuse. Nothing happens by chance or by time.
///
/// The connection that is cut after a commit has reached the server and before its answer comes back:
///
/// ```no_run
/// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let database = TestDatabase::empty().await;
/// let proxy = Proxy::to_server_of(database.url()).await;
/// let url = proxy.url(database.url());
/// proxy.swallow_answers_after(b"order-42");
/// let forwarded = proxy.forwarded(b"order-42");
/// // ... append to order-42 through `url`, in a task; then:
/// # drop(forwarded);
/// # let forwarded = async {};
/// forwarded.await;
/// // ... wait until the server has it, by a connection that does not go through the proxy; then:
/// proxy.cut().await;
/// proxy.resume();
/// assert_ne!(url, database.url());
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Mutex<Orders>,
    connections: Mutex<Vec<JoinHandle<()>>>,
}

/// What the test wants at this moment.
#[derive(Debug, Default)]
struct Orders {
    refuse: bool,
    swallow: bool,
    swallow_after: Option<Vec<u8>>,
    delay: Option<Duration>,
    watched: Vec<(Vec<u8>, oneshot::Sender<()>)>,
}

impl Proxy {
    /// A proxy in front of the server at `address`, `host:port`.
    ///
    /// # Panics
    /// When it cannot listen on 127.0.0.1.
    pub async fn to(address: impl Into<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port on 127.0.0.1");
        let address_here = listener.local_addr().expect("the address just bound");
        let shared = Arc::new(Shared::default());
        let acceptor = tokio::spawn(accept(listener, address.into(), Arc::clone(&shared)));
        Self {
            address: address_here,
            shared,
            acceptor,
        }
    }

    /// A proxy in front of the server that this URL names.
    ///
    /// # Panics
    /// When it cannot listen on 127.0.0.1.
    pub async fn to_server_of(url: &str) -> Self {
        Self::to(crate::url::address(url)).await
    }

    /// The same URL, through this proxy.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        with_address(url, &self.address.to_string())
    }

    /// Where the proxy listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, on both sides. Returns when they have ended; new ones are welcome.
    pub async fn cut(&self) {
        let connections = std::mem::take(&mut *self.shared.connections());
        for connection in &connections {
            connection.abort();
        }
        for connection in connections {
            // Its sockets are closed when the task is gone.
            let _ = connection.await;
        }
    }

    /// From now on new connections are ended as soon as they come; those that exist stay.
    pub fn refuse(&self) {
        self.shared.orders().refuse = true;
    }

    /// From now on answers are dropped; requests are passed on.
    pub fn swallow_answers(&self) {
        self.shared.orders().swallow = true;
    }

    /// As soon as a request with these bytes is passed on, answers on its connection are dropped. Decided before the
    /// server gets the bytes: its answer to them is not seen. For one connection, the first that fits.
    pub fn swallow_answers_after(&self, pattern: &[u8]) {
        self.shared.orders().swallow_after = Some(pattern.to_vec());
    }

    /// Completes when a request with these bytes was passed on to the server, from now on: the order is given when this
    /// is called, not when it is first polled.
    pub fn forwarded(&self, pattern: &[u8]) -> impl Future<Output = ()> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        self.shared.orders().watched.push((pattern.to_vec(), sender));
        async move { receiver.await.expect("the proxy lives until the bytes have come") }
    }

    /// From now on everything takes that much longer, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.shared.orders().delay = Some(delay);
    }

    /// Ends all orders: everything is passed on again. A connection whose answers were swallowed stays mute.
    pub fn resume(&self) {
        let mut orders = self.shared.orders();
        *orders = Orders {
            watched: std::mem::take(&mut orders.watched),
            ..Orders::default()
        };
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        for connection in self.shared.connections().drain(..) {
            connection.abort();
        }
    }
}

impl Shared {
    // std Mutexes: nothing awaits while they are held.
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self) {
        let delay = self.orders().delay;
        if let Some(delay) = delay {
            sleep(delay).await;
        }
    }
}

async fn accept(listener: TcpListener, server: String, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        if shared.orders().refuse {
            continue;
        }
        let connection = tokio::spawn(connect(client, server.clone(), Arc::clone(&shared)));
        let mut connections = shared.connections();
        connections.retain(|connection| !connection.is_finished());
        connections.push(connection);
    }
}

/// One connection, until either side ends it.
async fn connect(client: TcpStream, server: String, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mute = AtomicBool::new(false);
    tokio::select! {
        _ = requests(from_client, to_server, &shared, &mute) => {}
        _ = answers(from_server, to_client, &shared, &mute) => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    mute: &AtomicBool,
) -> io::Result<()> {
    let (mut buffer, mut window) = (vec![0; 64 * 1024], Window::default());
    loop {
        let length = from.read(&mut buffer).await?;
        let chunk = buffer.get(..length).unwrap_or_default();
        if chunk.is_empty() {
            return Ok(());
        }
        shared.pause().await;
        window.push(chunk);
        let watched = judge(&window, &mut shared.orders(), mute);
        to.write_all(chunk).await?;
        for sender in watched {
            // Whoever gave up waiting does not need to know.
            let _ = sender.send(());
        }
    }
}

/// What a request sets off: muteness before the server gets it, news after it.
fn judge(window: &Window, orders: &mut Orders, mute: &AtomicBool) -> Vec<oneshot::Sender<()>> {
    if orders
        .swallow_after
        .as_ref()
        .is_some_and(|pattern| window.completes(pattern))
    {
        orders.swallow_after = None;
        mute.store(true, Ordering::SeqCst);
    }
    let all = std::mem::take(&mut orders.watched).into_iter();
    let (seen, waiting): (Vec<_>, _) = all.partition(|(pattern, _)| window.completes(pattern));
    orders.watched = waiting;
    seen.into_iter().map(|(_, sender)| sender).collect()
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    mute: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        let chunk = buffer.get(..length).unwrap_or_default();
        if chunk.is_empty() {
            return Ok(());
        }
        shared.pause().await;
        if shared.orders().swallow {
            // The answer is half gone: what came after it would make no sense.
            mute.store(true, Ordering::SeqCst);
        }
        if !mute.load(Ordering::SeqCst) {
            to.write_all(chunk).await?;
        }
    }
}
