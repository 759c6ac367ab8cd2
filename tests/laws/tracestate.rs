//! Any trace state of a remote parent, from any propagator: our member stays valid beside the
//! others.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::choices::{Choices, CHOICES};
use super::ids::{SPAN_ID, TRACE_ID};
use super::probability::{self, Continued};
use super::request::{Headers, Service};
use super::{reader, sound, spans};

/// The trace state, then the other headers, in lines.
struct Input {
    tracestate: String,
    sentry_trace: String,
    baggage: String,
    service: Service,
    /// A head's trace and rate.
    head: (String, f64),
}

impl Input {
    fn parse(input: &[u8]) -> Self {
        if let Some((&CHOICES, rest)) = input.split_first() {
            let mut choices = Choices::new(rest);
            let service = Service {
                dsn: choices.one_in(2),
                nowhere: choices.one_in(6),
                rewrite_tracestate: choices.one_in(3),
                rate: choices.pick(&[None, Some(0.0), Some(0.25), Some(1.0)]),
                ..Service::default()
            };
            let head = (choices.trace_id(), choices.rate());
            if choices.one_in(3) {
                return Self::edge(&mut choices, service, head);
            }
            return Input {
                tracestate: choices.tracestate(),
                sentry_trace: choices.sentry_trace(),
                baggage: choices.baggage(),
                service,
                head,
            };
        }
        let text = String::from_utf8_lossy(input);
        let mut lines = text.split('\n').map(str::to_owned);
        let tracestate = lines.next().unwrap_or_default();
        Input {
            tracestate,
            sentry_trace: lines.next().unwrap_or(format!("{TRACE_ID}-{SPAN_ID}-1")),
            baggage: lines.next().unwrap_or("sentry-release=1".to_owned()),
            service: Service::default(),
            head: (TRACE_ID.to_owned(), 0.25),
        }
    }
}

impl Input {
    /// Adjacent numbers: a `sample_rand` next to its rate, a `th` next to the randomness.
    fn edge(choices: &mut Choices<'_>, service: Service, head: (String, f64)) -> Self {
        // A rate, or the adjacent float, which `sample_rand` cannot distinguish from it.
        let rate = match head.1 > 0.0 && head.1 < 0.9 {
            true => f64::from_bits(head.1.to_bits() + choices.below(3) as u64 - 1),
            false => head.1,
        };
        let at = probability::boundary(rate) + choices.below(4) as u128;
        let rand = at.saturating_sub(2).min(999_999);
        let more = choices.pick(&["", "", "9", "5"]);
        let baggage = format!("sentry-sample_rate={rate},sentry-sample_rand=0.{rand:06}{more}");
        let own = probability::randomness(TRACE_ID, None);
        let rv = choices.pick(&[
            None,
            None,
            None,
            Some(0),
            Some(1 << 55),
            Some(u128::MAX >> 72),
            Some(own),
        ]);
        let near = rv.unwrap_or(own) + choices.below(3) as u128;
        let th = probability::print_th(near.saturating_sub(1).min(u128::MAX >> 72));
        let rv = rv.map_or(String::new(), |rv| format!(";rv:{rv:014x}"));
        let th = if choices.one_in(2) { format!("th:{th}") } else { String::new() };
        let ot = format!("{th}{rv}").trim_start_matches(';').to_owned();
        let tracestate = if ot.is_empty() { "a=1".to_owned() } else { format!("ot={ot},a=1") };
        let flag = choices.pick(&["-1", "-0", "", "none"]);
        let sentry_trace = match flag {
            "none" => String::new(),
            flag => format!("{TRACE_ID}-{SPAN_ID}{flag}"),
        };
        Input { tracestate, sentry_trace, baggage, service, head }
    }
}

pub(crate) fn check(input: &[u8]) {
    let input = Input::parse(input);
    #[cfg(feature = "sdk")]
    spans::check_head(&input.head.0, input.head.1);
    let Ok(before) = input.tracestate.parse::<TraceState>() else {
        return;
    };
    for sampled in [false, true] {
        let flags = opentelemetry::trace::TraceFlags::default().with_sampled(sampled);
        let (trace_id, span_id) = (hex(TRACE_ID), hex(SPAN_ID));
        let remote =
            SpanContext::new(trace_id.into(), (span_id as u64).into(), flags, true, before.clone());
        check_remote(&input, &Context::new().with_remote_span_context(remote));
    }
}

fn hex(digits: &str) -> u128 {
    u128::from_str_radix(digits, 16).expect("digits")
}

fn check_remote(input: &Input, before: &Context) {
    let sentry = input.service.sentry();
    let propagator = sentry.propagator();
    let headers = Headers::from([
        ("sentry-trace".to_owned(), input.sentry_trace.clone()),
        ("baggage".to_owned(), input.baggage.clone()),
        ("tracestate".to_owned(), input.tracestate.clone()),
    ]);
    let after = propagator.extract_with_context(before, &headers);
    let (span_before, span_after) = (before.span(), after.span());
    let (was, is) = (span_before.span_context(), span_after.span_context());
    // A continued trace may be forwarded unchanged if its member was right.
    if !propagator.continue_decision(before, &headers).is_continued() {
        assert!(is.trace_state().into_iter().all(|(key, _)| !is_ours(key)), "{is:?}");
    } else {
        let others = was.trace_state().header();
        let is_same_trace = was.trace_id() == is.trace_id();
        assert_others_kept(if is_same_trace { &others } else { "" }, &is.trace_state().header());
        if is.trace_state().get("sentry").is_some() {
            assert_probability(is);
        }
    }
    check_probability(input, was, is);
    #[cfg(feature = "sdk")]
    spans::check_probability(&sentry, input.service, &after);
    // No trace state may spoil a request.
    for cx in [before, &after] {
        let mut sent = Headers::new();
        propagator.inject_context(cx, &mut sent);
        sent.remove("tracestate");
        sound::assert_request(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let wrapped = sentry.propagator().wrap(TraceContextPropagator::new());
        let mut sent = Headers::new();
        wrapped.inject_context(cx, &mut sent);
        let list = sent.remove("tracestate").unwrap_or_default();
        let mut keys = list.split(',').filter_map(|member| member.split_once('='));
        assert!(keys.all(|(key, _)| !is_ours(reader::trim(key))), "{list:?}");
        sound::assert_request(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        #[cfg(feature = "sdk")]
        spans::check_below(&sentry, input.service, cx);
    }
}

/// The effect on `ot`, by the arithmetic.
fn check_probability(input: &Input, was: &SpanContext, is: &SpanContext) {
    let mut entries = reader::entries(&[&input.baggage]);
    let sentry = reader::first_sentry_trace(&[&input.sentry_trace]);
    let names = |trace_id: &str| {
        let named = reader::value(&entries, "trace_id").unwrap_or_default();
        !named.is_empty() && !reader::names_other_trace(&entries, trace_id)
    };
    let is_claimed = sentry.is_some() || names(TRACE_ID);
    if is_claimed && reader::refuses(input.service.org_id(), input.service.strict, &entries) {
        return;
    }
    let (before, after) = (was.trace_state().header(), is.trace_state().header());
    let (trace_id, sampled) = match &sentry {
        Some(sentry) if sentry.trace_id == TRACE_ID => {
            (TRACE_ID, sentry.sampled.or(was.is_sampled().then_some(true)))
        }
        Some(sentry) => (sentry.trace_id.as_str(), sentry.sampled),
        None if names(TRACE_ID) => {
            let is_said = reader::says_sampled(&entries);
            (TRACE_ID, (was.is_sampled() || is_said).then_some(was.is_sampled()))
        }
        None => return probability::assert_passed(&before, &after, TRACE_ID, was.is_sampled()),
    };
    if reader::names_other_trace(&entries, trace_id) {
        entries.clear();
    }
    // A long DSC loses entries, and a long member is not rewritten whole.
    let before = probability::ot(if trace_id == TRACE_ID { &before } else { "" });
    let is_long = before.as_ref().is_some_and(|ot| ot.len() > 200);
    if is_long || input.baggage.len() > 700 || entries.len() > 50 {
        return;
    }
    let of = Continued { trace_id, sampled, entries: &entries };
    probability::assert_extracted(before.as_deref(), probability::ot(&after).as_deref(), &of);
}

/// `sentry` and `sentry-<digits>`.
pub(crate) fn is_ours(key: &str) -> bool {
    let number = key.strip_prefix("sentry-");
    key == "sentry"
        || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Asserts that the list is valid and our members come first. The valid members of others follow in
/// order, without the last ones if they did not fit.
#[track_caller]
pub(crate) fn assert_others_kept(before: &str, after: &str) {
    if after.is_empty() {
        return;
    }
    sound::assert_tracestate(after);
    let split = |list: &str| -> Vec<(String, String)> {
        let members = list.split(',').filter_map(|member| member.split_once('='));
        members.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let after = split(after);
    let ours: Vec<&str> =
        after.iter().map(|(key, _)| key.as_str()).take_while(|key| is_ours(key)).collect();
    assert!(["sentry", "sentry-2", "sentry-3", "sentry-4"].starts_with(&ours), "{ours:?}");
    let bytes: usize = after[..ours.len()].iter().map(|(_, value)| value.len()).sum();
    assert!(bytes <= 1024, "{bytes} bytes in our members");
    let others: Vec<&(String, String)> =
        after[ours.len()..].iter().filter(|(key, _)| key != "ot").collect();

    let mut expected: Vec<(String, String)> = Vec::new();
    for (key, value) in split(before) {
        let is_new = expected.iter().all(|(known, _)| *known != key);
        let is_valid = sound::fault(&format!("{key}={value}")).is_none();
        if is_new && is_valid && !is_ours(&key) && key != "ot" {
            expected.push((key, value));
        }
    }
    let kept: Vec<&(String, String)> = expected.iter().take(others.len()).collect();
    assert_eq!(others, kept);
    let displaced = expected.len() - others.len();
    assert!(displaced == 0 || after.len() == 32 && displaced <= 2, "{displaced} displaced");
}

/// Asserts that `th` is present only if it is true.
#[track_caller]
pub(crate) fn assert_probability(span_context: &SpanContext) {
    let Some(ot) = span_context.trace_state().get("ot") else {
        return;
    };
    let field = |name: &str| {
        let mut found = ot.split(';').filter_map(|field| field.split_once(':'));
        found.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let low = span_context.trace_id().to_string()[18..].to_owned();
    let is_rv =
        |rv: &String| rv.len() == 14 && rv.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    let randomness = field("rv").filter(is_rv).unwrap_or(low);
    if let Some(th) = field("th") {
        assert!(span_context.is_sampled(), "th of a span that is not sampled: {ot:?}");
        assert!((1..=14).contains(&th.len()), "{ot:?}");
        // Both have 14 digits, so text order equals numeric order.
        assert!(randomness >= format!("{th:0<14}"), "th does not hold: {ot:?}");
    }
}
