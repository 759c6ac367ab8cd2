//! What is wrong with the settings.

use std::fmt;

/// Why settings are invalid: which one, and what is wrong. The message never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// `name` is an option, or the variable that was read for it.
    pub(super) fn new(name: &str, reason: impl fmt::Display) -> Self {
        ConfigError(format!("{name}: {reason}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}
