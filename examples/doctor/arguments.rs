//! The command line: Sentry's options under their own names, and headers.

use lexopt::prelude::{Long, Short, ValueExt};

use crate::request::Request;

pub(crate) const USAGE: &str = "\
usage: doctor [options] [< headers]

headers, as a request has them, or a dump of one on standard input (curl -v):
  --sentry-trace VALUE    --baggage VALUE    --traceparent VALUE    --tracestate VALUE

the service's settings:
  --dsn DSN               --org-id ID        --strict               --rate 0..1
  --target TEXT           a trace propagation target; once for each
  --url URL               where the service sends its own request

output:
  --json                  for programs

example:
  doctor --sentry-trace 771a43a4192642f0b136d5159a501700-7dd6b3a1fb4d9c2a-1 --rate 0.2";

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) request: Request,
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
