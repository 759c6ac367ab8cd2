//! One line of `baggage`: exactly the valid Sentry members.

use opentelemetry_sentry::DynamicSamplingContext;

use super::choices::text;
use super::reader::{decoded, entries, list, MAX_BYTES};
use super::sound;

pub(crate) fn check(input: &[u8]) {
    let text = text(input, |choices| choices.baggage());
    let dsc = DynamicSamplingContext::parse(&text);
    let expected = entries(&[&text]);
    let read: Vec<(String, String)> =
        dsc.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert_eq!(read, expected, "{text:?}");
    assert_eq!((dsc.len(), dsc.is_empty()), (expected.len(), expected.is_empty()), "{text:?}");
    for (key, value) in &expected {
        assert_eq!(dsc.get(key).as_deref(), Some(&*decoded(value)), "{key} of {text:?}");
    }
    assert_eq!(dsc.get("never set"), None, "{text:?}");

    let printed = dsc.to_string();
    assert_eq!(printed, list(&expected), "{text:?}");
    sound::assert_header_value("baggage", &printed);
    let again = DynamicSamplingContext::parse(&printed);
    // Encoding lengthens a list.
    if printed.len() <= MAX_BYTES {
        assert_eq!(again, dsc, "{text:?}");
    }
    assert_eq!(dsc.clone().into_owned(), dsc, "{text:?}");
    assert_eq!(format!("{dsc:?}"), format!("DynamicSamplingContext {{ len: {}, .. }}", dsc.len()));
}
