//! Who decides whether the service's span is recorded.

use http::HeaderMap;
use opentelemetry::trace::{SpanContext, TraceId};
use opentelemetry_sentry::{ContinueDecision, DynamicSamplingContext, SentryTrace};

use crate::report::Sampling;

/// Where the trace comes from that the service's spans belong to.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    SentryTrace {
        sampled: Option<bool>,
        /// The trace that `traceparent` names, and its decision.
        traceparent: Option<(TraceId, bool)>,
        trace_id: TraceId,
    },
    Traceparent {
        /// `None` if the DSC that came along says that the trace is undecided.
        sampled: Option<bool>,
    },
    /// A trace came that is not continued: nothing of it counts.
    Refused,
    Nothing,
}

/// Whose decision a continued trace has.
pub(crate) enum Decided {
    SentryTrace(bool),
    Traceparent(bool),
    Nobody,
}

impl Source {
    /// `w3c` is what the wrapped propagator found; not valid if there is none.
    pub(crate) fn of(
        decision: ContinueDecision,
        sentry_trace: Option<SentryTrace>,
        w3c: &SpanContext,
        dsc_is_undecided: bool,
    ) -> Self {
        let traceparent = w3c.is_valid().then(|| (w3c.trace_id(), w3c.is_sampled()));
        match (decision, sentry_trace, traceparent) {
            (ContinueDecision::NotASentryTrace, _, Some((_, sampled))) => {
                Source::Traceparent { sampled: Some(sampled) }
            }
            (decision, _, _) if !decision.is_continued() => match decision {
                ContinueDecision::NoTrace | ContinueDecision::NotASentryTrace => Source::Nothing,
                _ => Source::Refused,
            },
            (_, Some(trace), traceparent) => Source::SentryTrace {
                sampled: trace.sampled(),
                traceparent,
                trace_id: trace.trace_id(),
            },
            // The DSC names the trace of `traceparent`.
            (_, None, Some((_, sampled))) => {
                Source::Traceparent { sampled: (sampled || !dsc_is_undecided).then_some(sampled) }
            }
            (_, None, None) => Source::Nothing,
        }
    }

    /// Whether `sentry-trace` and `traceparent` contradict each other.
    pub(crate) fn is_of_two_traces(&self) -> bool {
        match self {
            Source::SentryTrace { traceparent: Some((other, _)), trace_id, .. } => {
                other != trace_id
            }
            _ => false,
        }
    }

    /// `None` if no trace is continued.
    pub(crate) fn decided(&self) -> Option<Decided> {
        Some(match *self {
            Source::SentryTrace { sampled: Some(sampled), .. } => Decided::SentryTrace(sampled),
            // A sampled `traceparent` of the same trace settles what `sentry-trace` leaves open.
            Source::SentryTrace { traceparent: Some((other, true)), trace_id, .. }
                if other == trace_id =>
            {
                Decided::Traceparent(true)
            }
            Source::SentryTrace { .. } => Decided::Nobody,
            Source::Traceparent { sampled: Some(sampled) } => Decided::Traceparent(sampled),
            Source::Traceparent { sampled: None } => Decided::Nobody,
            Source::Refused | Source::Nothing => return None,
        })
    }

    fn sentence(&self, has_rate: bool) -> &'static str {
        match (self.decided(), has_rate) {
            (Some(Decided::SentryTrace(true)), true) => "the caller decided: sampled",
            (Some(Decided::SentryTrace(true)), false) => {
                "the caller sampled it; without a rate nothing is recorded here, and its decision goes on"
            }
            (Some(Decided::SentryTrace(false)), _) => "the caller decided: not sampled",
            (Some(Decided::Traceparent(true)), true) => "traceparent says sampled",
            (Some(Decided::Traceparent(true)), false) => {
                "traceparent says sampled; without a rate nothing is recorded here, and that goes on"
            }
            (Some(Decided::Traceparent(false)), _) => "traceparent says not sampled",
            (Some(Decided::Nobody), true) => "the caller left it undecided, so this service decides",
            (Some(Decided::Nobody), false) => {
                "undecided, and stays so: without a rate this service does not decide"
            }
            (None, true) => "a trace starts here, and this service decides",
            (None, false) => "a trace starts here, and without a rate none is recorded",
        }
    }

    /// The report. What goes out has the numbers of the decision; what arrived has them only if the
    /// trace is continued.
    pub(crate) fn report(
        &self,
        received: &HeaderMap,
        outgoing: &[(String, String)],
        rate: Option<f64>,
        recorded: bool,
    ) -> Sampling {
        let sent = outgoing.iter().find(|(name, _)| name == "baggage");
        let sent = sent.map_or("", |(_, list)| list.as_str());
        let received = if self.decided().is_some() { list(received) } else { String::new() };
        let fact = |key: &str| {
            let of = |list: &str| Some(DynamicSamplingContext::parse(list).get(key)?.into_owned());
            of(sent).or_else(|| of(&received))
        };
        let (sample_rate, sample_rand) = (fact("sample_rate"), fact("sample_rand"));
        let numbers = match (&sample_rand, &sample_rate) {
            (Some(rand), Some(rate)) => comparison(rand, rate).unwrap_or_default(),
            _ => String::new(),
        };
        Sampling {
            arrived: match self.decided() {
                Some(Decided::SentryTrace(sampled) | Decided::Traceparent(sampled)) => {
                    Some(sampled)
                }
                Some(Decided::Nobody) | None => None,
            },
            sentence: format!("{}{numbers}", self.sentence(rate.is_some())),
            sample_rate,
            sample_rand,
            recorded,
        }
    }
}

fn comparison(rand: &str, rate: &str) -> Option<String> {
    let is_below = rand.parse::<f64>().ok()? < rate.parse::<f64>().ok()?;
    Some(match is_below {
        true => format!(": sample_rand {rand} < sample_rate {rate} is sampled"),
        false => format!(": sample_rand {rand} >= sample_rate {rate} is not sampled"),
    })
}

/// All `baggage` headers as one list.
pub(crate) fn list(headers: &HeaderMap) -> String {
    let lines = headers.get_all("baggage").iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(",")
}
