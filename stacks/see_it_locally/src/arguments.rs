//! The command line.

use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

pub(crate) const USAGE: &str = "\
usage: see_it_locally [--once] [--no-browser] [--timeout SECONDS]

Starts the service and the Vue page of docs/getting_started.md and a Sentry on loopback, and shows
their trace. It needs cargo, npm and, to open the page by itself, Chromium or Chrome.

  --once              end after the first whole trace; fail if there is none
  --no-browser        open the page yourself
  --timeout SECONDS   how long the first whole trace may take once the page is open, 60 if not given
  --split             make a mistake in the page, to see that it is noticed";

pub(crate) struct Arguments {
    pub(crate) once: bool,
    pub(crate) no_browser: bool,
    pub(crate) timeout: Duration,
    pub(crate) split: bool,
    pub(crate) help: bool,
}

impl Arguments {
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut arguments = Arguments {
            once: false,
            no_browser: false,
            timeout: Duration::from_secs(60),
            split: false,
            help: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("once") => arguments.once = true,
                Long("no-browser") => arguments.no_browser = true,
                Long("timeout") => {
                    arguments.timeout = Duration::from_secs(parser.value()?.parse()?);
                }
                Long("split") => arguments.split = true,
                Long("help") | Short('h') => arguments.help = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(arguments)
    }
}
