//! The compact notation for long strings in a row.

use serde::Deserialize;

/// A string, or the list of its parts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Plain(String),
    Parts(Vec<Part>),
}

/// A part of the text, possibly repeated. `#` stands for the number of the repetition, from 1.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Part {
    Plain(String),
    Repeated {
        repeat: String,
        times: usize,
        #[serde(default)]
        join: String,
    },
}

impl Text {
    pub(crate) fn expand(&self) -> String {
        match self {
            Text::Plain(text) => text.clone(),
            Text::Parts(parts) => parts.iter().map(Part::expand).collect(),
        }
    }
}

impl Part {
    fn expand(&self) -> String {
        match self {
            Part::Plain(text) => text.clone(),
            Part::Repeated { repeat, times, join } => (1..=*times)
                .map(|number| repeat.replace('#', &number.to_string()))
                .collect::<Vec<_>>()
                .join(join),
        }
    }
}

#[test]
fn the_notation() {
    let text: Text =
        serde_json::from_str(r##"["a,", {"repeat": "k#=1", "times": 3, "join": ","}]"##).unwrap();
    assert_eq!(text.expand(), "a,k1=1,k2=1,k3=1");
}
