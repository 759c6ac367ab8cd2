//! The laws, on random texts and on choices of the grammar.

use quickcheck::{Arbitrary, Gen, QuickCheck};

use crate::laws;
use crate::laws::choices::CHOICES;

const MOST_CHARS: usize = 200;

/// What a law takes: choices of the grammar four times out of five, else a text.
#[derive(Clone, Debug)]
enum Input {
    Choices(Vec<u8>),
    Text(String),
}

impl Input {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Choices(choices) => [vec![CHOICES], choices].concat(),
            Self::Text(text) => text.into_bytes(),
        }
    }
}

impl Arbitrary for Input {
    fn arbitrary(random: &mut Gen) -> Self {
        if u8::arbitrary(random) % 5 > 0 {
            return Self::Choices(Vec::arbitrary(random));
        }
        let letters: Vec<char> = (' '..='~').chain(['\t', '\n', 'é']).collect();
        let chars = 0..usize::arbitrary(random) % (MOST_CHARS + 1);
        Self::Text(chars.filter_map(|_| random.choose(&letters)).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match self {
            Self::Choices(choices) => Box::new(choices.shrink().map(Self::Choices)),
            Self::Text(text) => Box::new(text.shrink().map(Self::Text)),
        }
    }
}

/// Holds a law to this many inputs.
fn hold(law: fn(Input), inputs: u64, most_bytes: usize) {
    QuickCheck::new().tests(inputs).rng(Gen::new(most_bytes)).quickcheck(law);
}

#[test]
fn sentry_trace() {
    hold(|input| laws::sentry_trace::check(&input.bytes()), 5000, 120);
}

#[test]
fn baggage() {
    hold(|input| laws::baggage::check(&input.bytes()), 2500, 300);
}

#[test]
fn dsn() {
    hold(|input| laws::dsn::check(&input.bytes()), 5000, 100);
}

#[test]
fn targets() {
    hold(|input| laws::targets::check(&input.bytes()), 2500, 100);
}

#[test]
fn tracestate() {
    hold(|input| laws::tracestate::check(&input.bytes()), 375, 600);
}

#[test]
fn request() {
    hold(|input| laws::request::check(&input.bytes()), 625, 600);
}

#[cfg(feature = "http")]
#[test]
fn merging() {
    hold(|input| laws::merging::check(&input.bytes()), 1250, 600);
}
