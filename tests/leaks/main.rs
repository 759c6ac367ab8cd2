//! Secrets stay inside the trace propagation targets, in every composition.
//!
//! Each request is sent twice, with different secrets. The outgoing headers must not differ, in any
//! encoding. `docs/composition.md` names the exceptions.

#[path = "../composition/call.rs"]
mod call;
#[path = "../composition/data.rs"]
mod data;
#[path = "../composition/lists.rs"]
mod lists;
mod service;

use lists::Composition;
use service::{incoming, services, Denial, Headers, Secrets, Service, AT_INJECT, AT_START};

const PAIR: [Secrets; 2] = [Secrets('a'), Secrets('b')];

/// The same requests with either set of secrets.
fn requests() -> Vec<(String, [Headers; 2])> {
    let [a, b] = PAIR.map(|theirs| incoming(theirs, true));
    a.into_iter().zip(b).map(|((name, a), (_, b))| (name, [a, b])).collect()
}

/// The outgoing headers of both.
fn twice(service: Service, requests: &[Headers; 2], denial: Denial) -> [Headers; 2] {
    [0, 1].map(|i| service.send(PAIR[i], &requests[i], Some(denial)))
}

fn after_baggage() -> impl Iterator<Item = Composition> {
    Composition::ALL.into_iter().filter(|composition| !composition.baggage_follows())
}

#[track_caller]
fn assert_nothing_of_sentry(sent: &Headers, name: &str) {
    assert!(!sent.contains_key("sentry-trace"), "{name}: {sent:?}");
    assert!(sent.values().all(|value| !value.contains("sentry-")), "{name}: {sent:?}");
    for secrets in PAIR {
        assert!(sent.values().all(|value| !secrets.are_in(value)), "{name}: {sent:?}");
    }
}

#[test]
fn allowed_requests_carry_the_secrets() {
    let requests = requests();
    for composition in after_baggage() {
        for service in services(composition) {
            for (name, [incoming, _]) in &requests {
                let sent = service.send(Secrets('a'), incoming, None);
                let name = format!("{}, {name}", composition.name());
                assert!(sent["baggage"].contains(&Secrets('a').key()), "{name}: {sent:?}");
                assert!(Secrets('a').are_in(&sent["baggage"]), "{name}: {sent:?}");
            }
        }
    }
}

#[test]
fn denied_requests_carry_no_secret() {
    let requests = requests();
    for composition in after_baggage() {
        for service in services(composition) {
            for denial in AT_START {
                for (name, request) in &requests {
                    let [a, b] = twice(service, request, denial);
                    let name = format!("{}, {denial:?}, {name}", composition.name());
                    assert_eq!(a, b, "{name}");
                    assert_nothing_of_sentry(&a, &name);
                    if composition == Composition::Alone {
                        assert_eq!(a, Headers::new(), "{name}");
                    }
                }
            }
        }
    }
}

/// There, the stock propagator has read the head's members and sends them.
#[test]
fn nothing_of_ours_goes_out_before_the_baggage_propagator() {
    let requests = incoming(Secrets('z'), false);
    for service in services(Composition::SentryW3cBaggage) {
        for denial in AT_START {
            for (name, incoming) in &requests {
                let [a, b] = PAIR.map(|ours| {
                    let sent = service.send(ours, incoming, Some(denial));
                    assert!(!sent.contains_key("sentry-trace"), "{name}: {sent:?}");
                    let told = sent.values().any(|value| {
                        value.contains(&ours.key()) || value.contains(&format!("-{}", ours.0))
                    });
                    assert!(!told, "{denial:?}, {name}: {sent:?}");
                    sent
                });
                assert_eq!(a, b, "{denial:?}, {name}");
            }
        }
    }
}

/// A row of the exceptions.
struct Exception {
    name: &'static str,
    compositions: &'static [Composition],
    rewrite_tracestate: bool,
    tells: bool,
}

const LISTS: &[Composition] =
    &[Composition::W3cSentry, Composition::W3cBaggageSentry, Composition::BaggageW3cSentry];
const OTHERS: &[Composition] = &[
    Composition::Alone,
    Composition::WrapW3c,
    Composition::WrapW3cBaggage,
    Composition::WrapBaggageW3c,
];

const EXCEPTIONS: [Exception; 4] = [
    Exception { name: "a plain list", compositions: LISTS, rewrite_tracestate: false, tells: true },
    Exception {
        name: "a plain list that rewrites tracestate",
        compositions: LISTS,
        rewrite_tracestate: true,
        tells: true,
    },
    Exception { name: "wrap", compositions: OTHERS, rewrite_tracestate: false, tells: false },
    Exception {
        name: "wrap that rewrites tracestate",
        compositions: OTHERS,
        rewrite_tracestate: true,
        tells: false,
    },
];

/// In that order W3C's propagator runs before ours and sends the trace state unchanged. The option
/// rewrites it only for requests that get Sentry's headers.
#[test]
fn a_denial_known_at_inject_alone_is_too_late_for_tracestate_in_a_plain_list() {
    let requests = requests();
    for row in EXCEPTIONS {
        for composition in row.compositions {
            for denial in AT_INJECT {
                let mut told = Vec::new();
                for mut service in services(*composition) {
                    service.rewrite_tracestate = row.rewrite_tracestate;
                    for (name, request) in &requests {
                        let [mut a, mut b] = twice(service, request, denial);
                        let name =
                            format!("{}: {}, {denial:?}, {name}", row.name, composition.name());
                        if a != b {
                            told.push(name.clone());
                        }
                        if row.tells {
                            a.remove("tracestate");
                            b.remove("tracestate");
                        }
                        assert_eq!(a, b, "{name}");
                        assert_nothing_of_sentry(&a, &name);
                    }
                }
                assert_eq!(!told.is_empty(), row.tells, "{told:#?}");
            }
        }
    }
}

/// The trace state of a head has its transaction, but never the settings.
#[test]
fn a_heads_trace_state_holds_no_settings() {
    for composition in Composition::ALL {
        for mut service in services(composition) {
            for (denial, rewrites) in AT_INJECT.into_iter().flat_map(|d| [(d, false), (d, true)]) {
                service.rewrite_tracestate = rewrites;
                let sent = service.send(Secrets('a'), &Headers::new(), Some(denial));
                let name = format!("{}, rewrites {rewrites}: {sent:?}", composition.name());
                let tracestate = sent.get("tracestate").map_or("", String::as_str);
                let rest = tracestate.replace(&Secrets('a').text("transaction"), "");
                assert!(!Secrets('a').are_in(&rest), "{name}");
                let has_transaction = service.rate.is_some() && composition.is_list_with_w3c();
                assert_eq!(rest != tracestate, has_transaction, "{name}");
            }
        }
    }
}
