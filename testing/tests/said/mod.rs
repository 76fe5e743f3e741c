//! What a failing assertion says, and where.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, Location},
    sync::Once,
};

static HOOK: Once = Once::new();

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// The message of the panic that `test` ends with.
pub(crate) fn said<T>(test: impl FnOnce() -> T) -> String {
    panicked(test).0
}

/// Fails unless the panic of `test` points to the caller's line.
#[track_caller]
pub(crate) fn assert_points_here<T>(test: impl FnOnce() -> T) {
    let here = Location::caller().line();
    let (message, line) = panicked(test);
    assert_eq!(line, here, "{message}");
}

fn panicked<T>(test: impl FnOnce() -> T) -> (String, u32) {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            LAST.with_borrow_mut(|last| {
                *last = Some((
                    info.payload_as_str().unwrap_or_default().to_owned(),
                    info.location().map_or(0, Location::line),
                ));
            });
            if !LISTENING.get() {
                before(info);
            }
        }));
    });
    LISTENING.set(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(test));
    LISTENING.set(false);
    assert!(ended.is_err(), "the assertion held");
    LAST.take().unwrap()
}
