//! A panic that is caught and counted: no message of it is printed, since whoever sends the packets would write them.
//!
//! The messages of all other panics, and of all other threads, are printed as ever.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    /// Whether this thread is where a panic would be caught.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What tells of a panic.
type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The hook that looks at it; set once, before the first time it is needed.
static HOOK: Once = Once::new();

/// Runs something and returns what it made; `None`: it panicked, and what it was changing is to be thrown away.
pub(in crate::media::codec) fn caught<R>(run: impl FnOnce() -> R) -> Option<R> {
    HOOK.call_once(|| panic::set_hook(but_of_caught(panic::take_hook())));
    let before = IS_CAUGHT.replace(true);
    let made = panic::catch_unwind(AssertUnwindSafe(run));
    IS_CAUGHT.set(before);
    made.ok()
}

/// Tells of a panic as `others` does, unless it will be caught here.
fn but_of_caught(others: Hook) -> Hook {
    Box::new(move |panic| {
        if !IS_CAUGHT.try_with(Cell::get).unwrap_or(false) {
            others(panic);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn what_is_caught_is_not_told_and_what_is_not_is_told_as_ever() {
        const OURS: &str = "over a packet of this test";
        let told = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&told);
        panic::set_hook(but_of_caught(Box::new(move |panic| {
            // Other tests of this process may panic as well.
            if panic.payload_as_str() == Some(OURS) {
                counts.fetch_add(1, Ordering::Relaxed);
            }
        })));
        assert_eq!(caught(|| 7), Some(7));
        for _ in 0..3 {
            assert_eq!(caught(|| panic!("{OURS}")), None::<()>);
        }
        assert_eq!(told.load(Ordering::Relaxed), 0);
        let other = thread::spawn(|| panic!("{OURS}"));
        assert!(other.join().is_err());
        assert_eq!(told.load(Ordering::Relaxed), 1);
        // Within this thread too, once nothing is caught any more.
        assert!(panic::catch_unwind(|| panic!("{OURS}")).is_err());
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }
}
