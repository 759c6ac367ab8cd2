//! Rows with a rejected DSN.

use opentelemetry_sentry::{Dsn, Sentry};

use super::row::{all, Row};

#[test]
fn every_dsn_is_rejected() {
    let mut wrong = Vec::new();
    for row in all() {
        if let Row::Dsn(row) = row {
            let sentence = row.dsn.parse::<Dsn>().err().map(|error| error.to_string());
            let built = Sentry::builder().dsn(&row.dsn).build().err();
            match (sentence, built) {
                (Some(sentence), Some(error)) => {
                    assert!(!sentence.contains(&row.dsn), "{}: {sentence}", row.name);
                    assert!(!error.to_string().contains(&row.dsn), "{}: {error}", row.name);
                }
                _ => wrong.push(row.name),
            }
        }
    }
    assert!(wrong.is_empty(), "taken: {wrong:#?}");
}
