//! Calls the user's functions: their panics are caught, and what they start is not traced.

use std::any::Any;
use std::cell::Cell;
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use opentelemetry::Context;

/// The user's function that a thread is running.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Running {
    Nothing,
    /// `traces_sampler`, or the sampler inside ours.
    Sampler,
    /// The function of a trace propagation target.
    Target,
}

thread_local! {
    /// A context cannot always hold this: `Tracer::start` borrows the current one, so that none can be
    /// attached.
    static RUNNING: Cell<Running> = const { Cell::new(Running::Nothing) };
}

/// The function panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// The user's function that this thread is running.
#[inline]
pub(crate) fn running() -> Running {
    RUNNING.with(Cell::get)
}

/// Calls the user's function. Callers make sure that it is not running already.
pub(crate) fn call<T>(which: Running, function: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = RUNNING.with(|running| running.replace(which));
    let result = catch(function);
    RUNNING.with(|running| running.set(outer));
    result
}

/// [`call`] for a sampler that is asked as a span starts in `cx`: telemetry is suppressed.
pub(crate) fn call_suppressed<T>(
    cx: Option<&Context>,
    function: impl FnOnce() -> T,
) -> Result<T, Panicked> {
    call(Running::Sampler, || {
        // Attaching panics while the current context is borrowed: it is if `cx` is that one. Other
        // borrows cannot be seen, so such a panic is caught, too.
        let is_borrowed = Context::map_current(|current| cx.is_some_and(|cx| ptr::eq(cx, current)));
        let attach = || catch(Context::enter_telemetry_suppressed_scope).ok();
        let _guard = (!is_borrowed).then(attach);
        function()
    })
}

/// Catches a panic of the user's code.
pub(crate) fn catch<T>(function: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload: Box<dyn Any + Send>| {
        // Dropping the payload may panic, too. A second payload is leaked, not dropped.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(second);
        }
        Panicked
    })
}
