//! The laws, on random texts and on choices of the grammar.

use quickcheck::{Arbitrary, Gen, QuickCheck};

use crate::laws;
use crate::laws::choices::CHOICES;

const MOST_CHARS: usize = 200;

/// What a law takes: choices of the grammar four times out of five, else a text.
#[derive(Clone, Debug)]
struct Input(Vec<u8>);

impl Arbitrary for Input {
    fn arbitrary(random: &mut Gen) -> Self {
        if u8::arbitrary(random) % 5 > 0 {
            return Self([vec![CHOICES], Vec::arbitrary(random)].concat());
        }
        let letters: Vec<char> = (' '..='~').chain(['\t', '\n', 'é']).collect();
        let chars = 0..usize::arbitrary(random) % (MOST_CHARS + 1);
        let text: String = chars.filter_map(|_| random.choose(&letters)).collect();
        Self(text.into_bytes())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

/// Holds a law to this many inputs.
fn hold(law: fn(Input), inputs: u64, most_bytes: usize) {
    QuickCheck::new().tests(inputs).rng(Gen::new(most_bytes)).quickcheck(law);
}

#[test]
fn sentry_trace() {
    hold(|input| laws::sentry_trace::check(&input.0), 5000, 120);
}

#[test]
fn baggage() {
    hold(|input| laws::baggage::check(&input.0), 2500, 300);
}

#[test]
fn dsn() {
    hold(|input| laws::dsn::check(&input.0), 5000, 100);
}

#[test]
fn targets() {
    hold(|input| laws::targets::check(&input.0), 2500, 100);
}

#[test]
fn tracestate() {
    hold(|input| laws::tracestate::check(&input.0), 375, 600);
}

#[test]
fn request() {
    hold(|input| laws::request::check(&input.0), 625, 600);
}

#[cfg(feature = "http")]
#[test]
fn merging() {
    hold(|input| laws::merging::check(&input.0), 1250, 600);
}
