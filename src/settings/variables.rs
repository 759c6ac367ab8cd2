//! What fills an option that code leaves unset: its environment variable, or a value that the
//! program hands over.

use std::env;
use std::fmt;

use crate::settings::config_error::ConfigError;

/// The options that have a variable: `SENTRY_ORG_ID` for `org_id`.
const OPTIONS: [&str; 8] = [
    "dsn",
    "release",
    "environment",
    "traces_sample_rate",
    "org_id",
    "strict_trace_continuation",
    TARGETS,
    "propagate_traceparent",
];

/// The only option for which an empty variable is a value: an empty list.
pub(super) const TARGETS: &str = "trace_propagation_targets";

fn variable(option: &str) -> String {
    format!("SENTRY_{}", option.to_ascii_uppercase())
}

/// Where the values of variables come from.
#[derive(Clone, Default)]
pub(super) struct Variables {
    /// Whether the process's variables are read.
    pub(super) from_process: bool,
    /// The values that the program hands over, by option. They take precedence.
    given: Vec<(&'static str, String)>,
}

impl Variables {
    /// Takes the value of each variable from a function of its name.
    pub(super) fn give<V: Into<String>>(&mut self, mut value: impl FnMut(&str) -> Option<V>) {
        let given = OPTIONS.into_iter();
        self.given =
            given.filter_map(|option| Some((option, value(&variable(option))?.into()))).collect();
    }

    /// An option as code has set it, else as `parse` reads its variable, as far as `check` accepts
    /// it.
    pub(super) fn fill<O, T, E: fmt::Display>(
        &self,
        option: &str,
        value: Option<O>,
        parse: impl FnOnce(String) -> Result<O, &'static str>,
        check: impl FnOnce(O) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        let variable = variable(option);
        let (name, value) = match value {
            Some(value) => (option, value),
            None => {
                let Some(text) = self.read(option, &variable)? else {
                    return Ok(None);
                };
                let error = |reason| ConfigError::new(&variable, reason);
                (&*variable, parse(text).map_err(error)?)
            }
        };
        check(value).map(Some).map_err(|reason| ConfigError::new(name, reason))
    }

    fn read(&self, option: &str, variable: &str) -> Result<Option<String>, ConfigError> {
        let value = match self.given.iter().find(|(given, _)| *given == option) {
            Some((_, value)) => Some(value.clone()),
            None if self.from_process => {
                let value = env::var_os(variable).map(|value| value.into_string());
                value.transpose().map_err(|_| ConfigError::new(variable, "not valid UTF-8"))?
            }
            None => None,
        };
        Ok(value.filter(|value| !value.is_empty() || option == TARGETS))
    }
}
