//! The services of two organizations with secrets, and the ways to deny a request.

use std::collections::{BTreeMap, HashMap};

use opentelemetry_sentry::{Sentry, SentryBuilder};

use crate::call::{call, Call};
use crate::data::Table;
use crate::lists::Composition;

pub(crate) type Headers = BTreeMap<String, String>;

/// The secrets of one of the two organizations.
#[derive(Clone, Copy)]
pub(crate) struct Secrets(pub(crate) char);

impl Secrets {
    fn org_id(self) -> String {
        u32::from(self.0).to_string().repeat(4)
    }

    pub(crate) fn key(self) -> String {
        self.0.to_string().repeat(32)
    }

    pub(crate) fn text(self, what: &str) -> String {
        format!("secret-{what}-{}", self.0)
    }

    fn url(self) -> String {
        format!("https://secret-host-{}.example/secret-path?secret-query", self.0)
    }

    fn settings(self) -> SentryBuilder {
        Sentry::builder()
            .dsn(format!("https://{}@o{}.ingest.sentry.io/17", self.key(), self.org_id()))
            .release(self.text("release"))
            .environment(self.text("environment"))
    }

    fn dsc(self) -> String {
        let text = |what| self.text(what);
        format!(
            "sentry-trace_id=T,sentry-public_key={},sentry-sample_rand=0.250000,sentry-release={},\
            sentry-environment={},sentry-transaction={},sentry-replay_id={},sentry-x-y={}",
            self.key(),
            text("release"),
            text("environment"),
            text("transaction"),
            self.key(),
            text("unknown"),
        )
    }

    /// Whether a header contains one of the secrets literally.
    pub(crate) fn are_in(self, header: &str) -> bool {
        header.contains("secret-")
            || header.contains(&self.key())
            || header.contains(&self.org_id())
    }
}

/// How a request is denied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Denial {
    UrlFull,
    UrlBeforeStart,
    ToSentry,
    NoTargets,
    NoTargetsUnknownUrl,
    UrlAtInject,
    UnknownUrl,
}

use Denial::*;

/// Known when the CLIENT span starts.
pub(crate) const AT_START: [Denial; 6] =
    [UrlFull, UrlBeforeStart, ToSentry, NoTargets, NoTargetsUnknownUrl, UnknownUrl];
pub(crate) const AT_INJECT: [Denial; 1] = [UrlAtInject];

const ALLOWED: &str = "https://api.myecommerce.com/pay";

/// A service with its own secrets that receives a request with the head's.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    pub(crate) composition: Composition,
    pub(crate) rate: Option<f64>,
    pub(crate) rewrite_tracestate: bool,
    pub(crate) propagate_traceparent: bool,
}

impl Service {
    fn sentry(&self, ours: Secrets, denial: Option<Denial>) -> Sentry {
        let mut builder = ours
            .settings()
            .rewrite_tracestate(self.rewrite_tracestate)
            .propagate_traceparent(self.propagate_traceparent);
        if let Some(rate) = self.rate {
            builder = builder.traces_sample_rate(rate);
        }
        match denial {
            Some(NoTargets | NoTargetsUnknownUrl) => builder.trace_propagation_targets([""; 0]),
            Some(UnknownUrl) => builder.deny_unknown_urls(true),
            Some(ToSentry) => builder,
            _ => builder.trace_propagation_targets(["https://api.myecommerce.com"]),
        }
        .build()
        .expect("settings")
    }

    /// The outgoing headers of a denied or an allowed call.
    pub(crate) fn send(
        &self,
        ours: Secrets,
        incoming: &Headers,
        denial: Option<Denial>,
    ) -> Headers {
        let sentry = self.sentry(ours, denial);
        let propagator = self.composition.propagator(&sentry);
        let name = ours.text("transaction");
        let ingest = format!("https://o{}.ingest.sentry.io/api/17/envelope/", ours.org_id());
        let denied = ours.url();
        let request = Call {
            name: &name,
            baggage: &[("cart", "3")],
            url_full: match denial {
                None | Some(NoTargets) => Some(ALLOWED),
                Some(UrlFull) => Some(&denied),
                Some(ToSentry) => Some(&ingest),
                _ => None,
            },
            url_before: Some(&*denied).filter(|_| denial == Some(UrlBeforeStart)),
            url_at_inject: Some(&*denied).filter(|_| denial == Some(UrlAtInject)),
            suppressed: false,
        };
        let incoming: HashMap<String, String> = incoming.clone().into_iter().collect();
        let mut sent = HashMap::new();
        call(&*propagator, sentry.sampler(), &incoming, request, &mut sent);
        if let Some(baggage) = sent.get_mut("baggage") {
            // OTel's baggage has no order.
            let mut members: Vec<&str> = baggage.split(',').collect();
            members.sort_unstable();
            *baggage = members.join(",");
        }
        sent.into_iter().collect()
    }
}

pub(crate) fn services(composition: Composition) -> Vec<Service> {
    let settings = [(Some(1.0), false), (Some(1.0), true), (Some(0.0), false), (None, true)];
    let service = |(rate, propagate_traceparent)| Service {
        composition,
        rate,
        propagate_traceparent,
        rewrite_tracestate: false,
    };
    settings.into_iter().map(service).collect()
}

/// The incoming headers: the table's situations with an organization's secrets in the DSC, and what
/// its services send through a plain list.
pub(crate) fn incoming(theirs: Secrets, with_org_id: bool) -> Vec<(String, Headers)> {
    let mut table = Table::read();
    let mut dsc = theirs.dsc();
    if with_org_id {
        dsc = format!("{dsc},sentry-org_id={}", theirs.org_id());
    }
    table.words.insert("DSC".to_owned(), dsc);
    let mut all: Vec<(String, Headers)> = table
        .situations
        .iter()
        .map(|s| (s.title.clone(), table.headers(s, Some("tenant=7"))))
        .collect();
    let before = Service {
        composition: Composition::W3cBaggageSentry,
        rate: Some(1.0),
        rewrite_tracestate: false,
        propagate_traceparent: false,
    };
    let mut sent = before.send(theirs, &all[1].1, None);
    assert!(sent["tracestate"].contains("secret-release"), "{sent:?}");
    if !with_org_id {
        // The head's own DSC names its organization.
        sent = before.send(Secrets('z'), &all[1].1, None);
    }
    all.push(("A plain list".to_owned(), sent.clone()));
    sent.remove("sentry-trace");
    all.push(("A plain list, without sentry-trace".to_owned(), sent.clone()));
    sent.remove("baggage");
    all.push(("A plain list, W3C's headers alone".to_owned(), sent));
    all
}
