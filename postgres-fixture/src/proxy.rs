//! A TCP proxy between a test and a server that injects network faults on command.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    gate::Held,
    orders::Orders,
    relay::{self, Connection},
    url::with_address,
};

/// A TCP proxy that forwards everything until a test orders a fault: cut, freeze, swallow, delay or refuse.
///
/// Faults never happen by chance or after a time. Patterns are searched in the bytes that the client sends, so they are
/// found only on connections without TLS; a pattern has at most 4,096 bytes.
///
/// | fault | connections that exist | later connections |
/// |---|---|---|
/// | [`cut`](Self::cut) | closed | served |
/// | [`refuse`](Self::refuse) | served | closed |
/// | [`freeze`](Self::freeze) | silent | served |
/// | [`freeze_after`](Self::freeze_after) | the first with the pattern: silent after it | the same |
/// | [`hold_new_connections`](Self::hold_new_connections) | served | silent |
/// | [`freeze_all`](Self::freeze_all) | silent | silent |
/// | [`swallow_answers`](Self::swallow_answers) | answers are lost | answers are lost |
///
/// # Lose the answer to a commit
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
/// // ... wait until the row is there, through `database.url()`; then:
/// proxy.cut().await;
/// proxy.resume();
/// assert_ne!(url, database.url());
/// # }
/// ```
///
/// # Freeze a connection, and go on later
///
/// A frozen connection forwards nothing in either direction, and loses nothing. Both sockets stay open: a close by one
/// side does not reach the other, and the server keeps the session. Bytes and closes that come meanwhile are delivered
/// after [`thaw`](Self::thaw).
///
/// The kernel still acknowledges bytes on both sides, so TCP keepalives and `tcp_user_timeout` do not notice a freeze;
/// only a timeout of the application does.
///
/// ```no_run
/// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
/// # use sqlx::{Connection, PgConnection};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sqlx::Error> {
/// # let database = TestDatabase::empty().await;
/// let proxy = Proxy::to_server_of(database.url()).await;
/// let url = proxy.url(database.url());
/// let mut old = PgConnection::connect(&url).await?;
///
/// proxy.freeze();
/// let ping = tokio::spawn(async move { old.ping().await });
/// PgConnection::connect(&url).await?.ping().await?;
/// assert!(!ping.is_finished());
///
/// proxy.thaw();
/// assert!(ping.await.is_ok_and(|answer| answer.is_ok()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    orders: Arc<Orders>,
    connections: Arc<Connections>,
    acceptor: JoinHandle<()>,
}

/// The connections that exist, and those that ended since the last one was accepted.
#[derive(Debug, Default)]
struct Connections {
    // A std Mutex: nothing awaits while it is locked.
    running: Mutex<Vec<Running>>,
}

#[derive(Debug)]
struct Running {
    connection: Arc<Connection>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy for the server at `address`, `host:port`. It listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When it cannot listen on 127.0.0.1.
    pub async fn to(address: impl Into<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port on 127.0.0.1");
        let address_here = listener.local_addr().expect("the address just bound");
        let (orders, connections) = (Arc::default(), Arc::default());
        let accepting = accept(listener, address.into(), Arc::clone(&orders), Arc::clone(&connections));
        Self {
            address: address_here,
            orders,
            connections,
            acceptor: tokio::spawn(accepting),
        }
    }

    /// Starts a proxy for the server in `url`.
    ///
    /// # Panics
    /// When it cannot listen on 127.0.0.1.
    pub async fn to_server_of(url: &str) -> Self {
        Self::to(crate::url::address(url)).await
    }

    /// Returns `url` with the address of this proxy.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        with_address(url, &self.address.to_string())
    }

    /// The address that the proxy listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all existing connections on both sides, frozen ones too. Returns when their sockets are closed. Later
    /// connections are served.
    pub async fn cut(&self) {
        let connections = std::mem::take(&mut *self.connections.lock());
        for running in &connections {
            running.task.abort();
        }
        for running in connections {
            // The sockets are closed when the task has ended.
            let _ = running.task.await;
        }
    }

    /// Closes every later connection at once. Existing connections are served. [`resume`](Self::resume) ends it.
    pub fn refuse(&self) {
        self.orders.lock().refuse = true;
    }

    /// Freezes all existing connections: a network that falls silent. Later connections are served.
    ///
    /// When this returns, nothing passes on the frozen connections any more, until [`thaw`](Self::thaw) or
    /// [`cut`](Self::cut).
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
    /// # use sqlx::{Connection, PgConnection};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sqlx::Error> {
    /// # let database = TestDatabase::empty().await;
    /// # let proxy = Proxy::to_server_of(database.url()).await;
    /// let closed = PgConnection::connect(&proxy.url(database.url())).await?;
    /// proxy.freeze();
    /// // The server does not see the close: the session still holds its locks.
    /// drop(closed);
    /// proxy.thaw();
    /// # Ok(())
    /// # }
    /// ```
    pub fn freeze(&self) {
        for running in self.connections.lock().iter() {
            running.connection.gate.hold(Held::Everything);
        }
    }

    /// Accepts every later connection and forwards nothing: silence while a client connects. Existing connections are
    /// served.
    ///
    /// A held connection reaches the server after [`thaw`](Self::thaw). [`resume`](Self::resume) serves only
    /// connections that come after it.
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
    /// # use sqlx::{Connection, PgConnection};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sqlx::Error> {
    /// # let database = TestDatabase::empty().await;
    /// # let proxy = Proxy::to_server_of(database.url()).await;
    /// let url = proxy.url(database.url());
    /// proxy.hold_new_connections();
    /// let connect = tokio::spawn(async move { PgConnection::connect(&url).await });
    /// // ... assert that the code under test gives up; then:
    /// proxy.thaw();
    /// assert!(connect.await.is_ok_and(|connection| connection.is_ok()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn hold_new_connections(&self) {
        self.orders.lock().hold_new = true;
    }

    /// Freezes all existing connections and holds every later one: a network that is silent for everyone.
    ///
    /// The same as [`hold_new_connections`](Self::hold_new_connections) and [`freeze`](Self::freeze), in this order.
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let database = TestDatabase::empty().await;
    /// # let proxy = Proxy::to_server_of(database.url()).await;
    /// proxy.freeze_all();
    /// // ... assert that every call of the code under test times out; then:
    /// proxy.cut().await;
    /// proxy.resume();
    /// // ... assert that it reconnects.
    /// # }
    /// ```
    pub fn freeze_all(&self) {
        // In this order: a connection that is accepted in between is held or frozen.
        self.hold_new_connections();
        self.freeze();
    }

    /// Freezes the first connection that sends these bytes, right after they are passed to the server: silence during
    /// a statement or a COMMIT.
    ///
    /// The server gets all bytes that came together with the pattern, up to 64 KiB at once. Its answer is held until
    /// [`thaw`](Self::thaw). [`forwarded`](Self::forwarded) with the same pattern completes when the connection is
    /// frozen. A second call replaces a pattern that has not been sent yet.
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
    /// # use sqlx::{Connection, Executor, PgConnection};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sqlx::Error> {
    /// # let database = TestDatabase::empty().await;
    /// # let proxy = Proxy::to_server_of(database.url()).await;
    /// let mut connection = PgConnection::connect(&proxy.url(database.url())).await?;
    /// proxy.freeze_after(b"COMMIT");
    /// let frozen = proxy.forwarded(b"COMMIT");
    /// let commit = tokio::spawn(async move { connection.execute("BEGIN; SELECT 1; COMMIT").await });
    /// frozen.await;
    /// // The server commits; the client waits.
    /// assert!(!commit.is_finished());
    /// proxy.thaw();
    /// assert!(commit.await.is_ok_and(|answer| answer.is_ok()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn freeze_after(&self, pattern: &[u8]) {
        self.orders.lock().freeze_after = Some(pattern.to_vec());
    }

    /// Lets all frozen and held connections go on, and serves later ones. What was held is delivered first, in order;
    /// then a close that came meanwhile.
    ///
    /// Ends [`freeze`](Self::freeze), [`freeze_all`](Self::freeze_all) and
    /// [`hold_new_connections`](Self::hold_new_connections), and no other fault. A pattern of
    /// [`freeze_after`](Self::freeze_after) that has not been sent yet stays in force; [`resume`](Self::resume) cancels
    /// it.
    ///
    /// ```no_run
    /// # use composable_rust_postgres_fixture::{Proxy, TestDatabase};
    /// # use sqlx::{Connection, PgConnection};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sqlx::Error> {
    /// # let database = TestDatabase::empty().await;
    /// # let proxy = Proxy::to_server_of(database.url()).await;
    /// let mut connection = PgConnection::connect(&proxy.url(database.url())).await?;
    /// proxy.freeze_all();
    /// proxy.thaw();
    /// connection.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn thaw(&self) {
        // In this order: a connection that is accepted in between is served or thawed.
        self.orders.lock().hold_new = false;
        for running in self.connections.lock().iter() {
            running.connection.gate.open();
        }
    }

    /// Drops all answers from now on, on every connection. Requests are forwarded.
    ///
    /// A connection that lost an answer gets no later one either, not even after [`resume`](Self::resume).
    pub fn swallow_answers(&self) {
        self.orders.lock().swallow = true;
    }

    /// Drops all answers on the first connection that sends these bytes. Requests are forwarded.
    ///
    /// Takes effect before the server gets the bytes, so the client never sees the answer to them.
    pub fn swallow_answers_after(&self, pattern: &[u8]) {
        self.orders.lock().swallow_after = Some(pattern.to_vec());
    }

    /// Returns a future that completes when a request with these bytes has been passed to the server.
    ///
    /// Requests count from this call on, not from the first poll of the future.
    ///
    /// # Panics
    /// The future panics when the proxy is dropped, or the connection fails, before the bytes are passed on.
    pub fn forwarded(&self, pattern: &[u8]) -> impl Future<Output = ()> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        self.orders.lock().watched.push((pattern.to_vec(), sender));
        async move { receiver.await.expect("the proxy lives until the bytes have come") }
    }

    /// Forwards every chunk `delay` later, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.orders.lock().delay = Some(delay);
    }

    /// Ends all orders: later connections and traffic pass normally.
    ///
    /// Connections that an order has hit already stay as they are: a frozen or held one is silent until
    /// [`thaw`](Self::thaw), and one that lost answers gets none. Futures of [`forwarded`](Self::forwarded) stay valid.
    pub fn resume(&self) {
        self.orders.lock().cancel();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        for running in self.connections.lock().drain(..) {
            running.task.abort();
        }
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, server: String, orders: Arc<Orders>, connections: Arc<Connections>) {
    while let Ok((client, _)) = listener.accept().await {
        if !orders.lock().refuse {
            start(client, server.clone(), &orders, &connections);
        }
    }
}

fn start(client: TcpStream, server: String, orders: &Arc<Orders>, connections: &Connections) {
    let connection = Arc::new(Connection::default());
    // Locked before the order is read: `freeze_all` and `thaw` never miss a connection that is being added.
    let mut connections = connections.lock();
    if orders.lock().hold_new {
        connection.gate.hold(Held::Everything);
    }
    let serving = relay::serve(client, server, Arc::clone(orders), Arc::clone(&connection));
    connections.retain(|running| !running.task.is_finished());
    connections.push(Running {
        connection,
        task: tokio::spawn(serving),
    });
}
