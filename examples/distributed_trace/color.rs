//! Colors, for a terminal only.

use std::io::IsTerminal;

/// Paints text, or leaves it plain.
#[derive(Clone, Copy)]
pub(crate) struct Palette {
    enabled: bool,
}

impl Palette {
    /// Colors only for a terminal, and not where <https://no-color.org> asks for none.
    pub(crate) fn of_stdout() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Palette { enabled: std::io::stdout().is_terminal() && !no_color }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn service(self, text: &str) -> String {
        self.paint("36", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Green if spans are exported, yellow if not.
    pub(crate) fn decision(self, decision: &str) -> String {
        self.paint(if decision == "sampled" { "32" } else { "33" }, decision)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.enabled {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
