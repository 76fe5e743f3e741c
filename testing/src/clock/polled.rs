//! Whose future is being polled: how a clock in tests knows which effect sleeps on it.

use std::{
    cell::RefCell,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

thread_local! {
    static POLLED: RefCell<Polled> = const { RefCell::new(Polled { effect: None, wait: None }) };
}

/// What a test store polls at this moment, on this thread.
#[derive(Clone, Default)]
pub(crate) struct Polled {
    /// The number of the running effect.
    pub(crate) effect: Option<u64>,
    /// The part of the effect that is user code, if it is in one.
    pub(crate) wait: Option<Arc<Wait>>,
}

impl Polled {
    pub(crate) fn now() -> Self {
        POLLED.with_borrow(Clone::clone)
    }

    /// Makes this what is polled, until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered(POLLED.replace(self))
    }
}

/// Puts back what was polled before.
pub(crate) struct Entered(Polled);

impl Drop for Entered {
    fn drop(&mut self) {
        POLLED.set(std::mem::take(&mut self.0));
    }
}

/// The waker of one poll of user code. Whoever holds a clone of it can wake that code: what is not held by a clock is
/// held by something else that it waits for.
pub(crate) struct Wait {
    parent: Waker,
    /// How many of the clones are held by clocks in tests.
    asleep: AtomicUsize,
}

impl Wait {
    pub(crate) fn new(parent: &Waker) -> Arc<Self> {
        Arc::new(Self {
            parent: parent.clone(),
            asleep: AtomicUsize::new(0),
        })
    }

    /// Whether anything but a clock in tests holds the waker. The caller holds one `Arc` and no waker.
    pub(crate) fn is_held_elsewhere(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1 + self.asleep.load(Ordering::SeqCst)
    }

    /// Whether nobody holds the waker. The caller holds one `Arc` and no waker.
    pub(crate) fn is_forgotten(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }
}

impl Wake for Wait {
    /// The parent hears of it before this clone is gone, so that a waker is always seen either held or woken.
    fn wake(self: Arc<Self>) {
        self.parent.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.parent.wake_by_ref();
    }
}

/// A waker that a clock holds, and whose effect sleeps by it.
pub(crate) struct Asleep {
    pub(crate) waker: Waker,
    pub(crate) effect: Option<u64>,
    wait: Weak<Wait>,
}

impl Asleep {
    pub(crate) fn new(waker: &Waker) -> Self {
        let Polled { effect, wait } = Polled::now();
        // A combinator may have put a waker of its own in between: then the clock does not hold this one.
        let wait = wait.filter(|wait| waker.will_wake(&Waker::from(Arc::clone(wait))));
        if let Some(wait) = &wait {
            wait.asleep.fetch_add(1, Ordering::SeqCst);
        }
        Self {
            waker: waker.clone(),
            effect,
            wait: wait.as_ref().map(Arc::downgrade).unwrap_or_default(),
        }
    }

    pub(crate) fn wake(self) {
        self.waker.wake_by_ref();
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        if let Some(wait) = self.wait.upgrade() {
            wait.asleep.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
