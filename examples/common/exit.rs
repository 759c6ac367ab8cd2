//! How an example ends: its last line says whether it held.

use std::error::Error;
use std::io::{Error as IoError, ErrorKind};
use std::process::ExitCode;

/// A reader that has seen enough, as in `.. | head`, is no failure.
pub(crate) fn code(name: &str, result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: did not hold: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<IoError>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
