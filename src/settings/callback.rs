//! Calls of the user's functions: a panic ends here, and what they start is not traced.

use std::any::Any;
use std::cell::Cell;
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use opentelemetry::Context;

thread_local! {
    /// Whether this thread is inside one of the user's functions. The context cannot always tell:
    /// `Tracer::start` borrows the current one, and then none can be attached.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// The function panicked, or it was called from inside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Whether this thread is inside one of the user's functions.
#[inline]
pub(crate) fn is_running() -> bool {
    RUNNING.with(Cell::get)
}

/// What a function of the user's returns. Callers look at [`is_running`] first.
pub(crate) fn call<T>(function: impl FnOnce() -> T) -> Result<T, Panicked> {
    RUNNING.with(|running| running.set(true));
    let result = catch(function);
    RUNNING.with(|running| running.set(false));
    result
}

/// [`call`] for a function that is asked as a span starts in `cx`: telemetry is suppressed.
pub(crate) fn call_suppressed<T>(
    cx: Option<&Context>,
    function: impl FnOnce() -> T,
) -> Result<T, Panicked> {
    call(|| {
        // Attaching panics while the current context is borrowed. It is where `cx` is the very one;
        // other borrows cannot be seen, so that such a panic ends here as well.
        let is_borrowed = Context::map_current(|current| cx.is_some_and(|cx| ptr::eq(cx, current)));
        let attach = || catch(Context::enter_telemetry_suppressed_scope).ok();
        let _guard = (!is_borrowed).then(attach);
        function()
    })
}

/// A panic of the user's code ends here.
pub(crate) fn catch<T>(function: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload: Box<dyn Any + Send>| {
        // A payload may panic too, when it is dropped. The second one is not worth the risk.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(second);
        }
        Panicked
    })
}
