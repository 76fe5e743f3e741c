//! Ends the server's processes for the sessions of one application.

use crate::admin::Admin;

/// Waits up to 20,000 ms for each process to end.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid, 20000)::text FROM pg_stat_activity
                          WHERE application_name = $1 AND pid <> pg_backend_pid()";
const TERMINATE_IN_DATABASE: &str = "SELECT pg_terminate_backend(pid, 20000)::text FROM pg_stat_activity
                                      WHERE application_name = $1 AND pid <> pg_backend_pid()
                                        AND datname = current_database()";

/// Ends all sessions of `application_name` on the server at `url`, and returns how many there were.
///
/// # Panics
/// When the server does not answer, or a session does not end within 20 s.
pub(crate) async fn terminate(url: &str, application_name: &str) -> usize {
    run(TERMINATE, url, application_name).await
}

/// The same, limited to the database of `url`.
pub(crate) async fn terminate_in_database(url: &str, application_name: &str) -> usize {
    run(TERMINATE_IN_DATABASE, url, application_name).await
}

async fn run(query: &'static str, url: &str, application_name: &str) -> usize {
    let mut admin = Admin::connect(url)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to end sessions: {error}"));
    let ended = admin.texts(query, application_name).await;
    admin.close().await;
    assert!(
        ended.iter().all(|ended| ended == "true"),
        "a session of {application_name} does not end"
    );
    ended.len()
}
