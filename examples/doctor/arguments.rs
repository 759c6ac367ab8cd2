//! The command line: Sentry's options under their own names, and headers.

use std::str::FromStr;

use lexopt::prelude::{Long, Short, ValueExt};

use crate::request::Request;

pub(crate) const USAGE: &str = "\
usage: doctor [options] [< request]

on standard input, if no header is given below:
  what `curl -v` prints, plain headers, or a browser's copy as cURL (for bash or cmd)

headers:
  --sentry-trace VALUE    --baggage VALUE    --traceparent VALUE    --tracestate VALUE

the service's settings:
  --dsn DSN               --org-id ID        --strict               --rate 0..1
  --propagator wrap       sentry.propagator().wrap(TraceContextPropagator::new()), the default
  --propagator sentry     sentry.propagator() alone
  --target TEXT           a trace propagation target; once for each
  --url URL               where the service sends its own request

output:
  --json                  for programs

example:
  doctor --sentry-trace 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1 --rate 0.2";

/// Which propagator the service has registered.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Propagator {
    #[default]
    Wrap,
    Sentry,
}

impl Propagator {
    pub(crate) fn described(self) -> &'static str {
        match self {
            Propagator::Wrap => "wrapped around W3C's: --propagator wrap, the default",
            Propagator::Sentry => "sentry.propagator() alone: --propagator sentry",
        }
    }
}

impl FromStr for Propagator {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "wrap" => Ok(Propagator::Wrap),
            "sentry" => Ok(Propagator::Sentry),
            _ => Err("neither wrap nor sentry"),
        }
    }
}

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) request: Request,
    pub(crate) propagator: Propagator,
    pub(crate) dsn: Option<String>,
    pub(crate) org_id: Option<String>,
    pub(crate) strict: bool,
    pub(crate) rate: Option<f64>,
    pub(crate) targets: Vec<String>,
    pub(crate) url: Option<String>,
    pub(crate) json: bool,
    pub(crate) help: bool,
}

impl Arguments {
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut arguments = Arguments::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Long(name @ ("sentry-trace" | "baggage" | "traceparent" | "tracestate")) => {
                    let name = name.to_owned();
                    arguments.request.push(&name, &parser.value()?.string()?);
                }
                Long("propagator") => arguments.propagator = parser.value()?.parse()?,
                Long("dsn") => arguments.dsn = Some(parser.value()?.string()?),
                Long("org-id") => arguments.org_id = Some(parser.value()?.string()?),
                Long("strict") => arguments.strict = true,
                Long("rate") => arguments.rate = Some(parser.value()?.parse()?),
                Long("target") => arguments.targets.push(parser.value()?.string()?),
                Long("url") => arguments.url = Some(parser.value()?.string()?),
                Long("json") => arguments.json = true,
                Long("help") | Short('h') => arguments.help = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(arguments)
    }
}
