//! The programs of `docs/getting_started.md`, taken from its text: what a reader pastes is what runs.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

const PAGE: &str = "docs/getting_started.md";

/// The ports that the page writes: the service's, and its own.
pub(crate) const SERVICE_PORT: u16 = 8080;
pub(crate) const PAGE_PORT: u16 = 5173;

/// The code of the page.
pub(crate) struct Guide {
    /// `[dependencies]` of the service.
    pub(crate) dependencies: String,
    /// The service's `main.rs`.
    pub(crate) service: String,
    /// What the shell line that starts the service sets, besides the DSN.
    pub(crate) settings: Vec<(String, String)>,
    /// The page's `main.ts` or `main.js`.
    pub(crate) page: String,
}

impl Guide {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let blocks = blocks(text);
        let find = |languages: &[&str], part: &str| {
            let of_language = |language: &str| languages.contains(&language);
            let mut blocks = blocks.iter();
            blocks
                .find(|(language, code)| of_language(language) && code.contains(part))
                .map(|(_, code)| code.clone())
                .ok_or_else(|| format!("{PAGE} has no block of {} with {part}", languages[0]))
        };
        let shell = find(&["sh"], "cargo run")?;
        let start = shell.lines().find(|line| line.ends_with("cargo run")).unwrap_or_default();
        let settings = start.split(' ').filter_map(|word| word.split_once('='));
        let settings = settings.filter(|(name, _)| *name != "SENTRY_DSN");
        Ok(Guide {
            dependencies: find(&["toml"], "[dependencies]")?,
            service: find(&["rust"], "axum::serve")?,
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            page: find(&["ts", "js"], "Sentry.init")?,
        })
    }

    /// Other ports than those of the page, where these are taken.
    pub(crate) fn set_ports(&mut self, service: u16, page: u16) {
        for text in [&mut self.service, &mut self.page] {
            *text = text.replace(&SERVICE_PORT.to_string(), &service.to_string());
            *text = text.replace(&PAGE_PORT.to_string(), &page.to_string());
        }
    }

    /// The page's DSN is a placeholder.
    pub(crate) fn set_page_dsn(&mut self, dsn: &str) -> Result<(), String> {
        let (before, rest) = self.page.split_once("dsn: '").ok_or("the page has no `dsn: '`")?;
        let (_, after) = rest.split_once('\'').ok_or("the page's DSN has no end")?;
        self.page = format!("{before}dsn: '{dsn}'{after}");
        Ok(())
    }

    /// Makes a deliberate mistake in the page, which then sends no trace headers: it must be noticed.
    pub(crate) fn forget_targets(&mut self) -> Result<(), String> {
        let name = "tracePropagationTargets: [";
        let (before, rest) = self.page.split_once(name).ok_or(format!("no `{name}`"))?;
        let (_, after) = rest.split_once(']').ok_or("the page's targets have no end")?;
        self.page = format!("{before}{name}]{after}");
        Ok(())
    }
}

/// Language and code of each fenced block.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let language = info.split(',').next().unwrap_or_default();
                blocks.push((language.to_owned(), String::new()));
                is_open = true;
            }
            Event::End(_) => is_open = false,
            Event::Text(code) if is_open => {
                if let Some((_, block)) = blocks.last_mut() {
                    block.push_str(&code);
                }
            }
            _ => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../../docs/getting_started.md");

    #[test]
    fn the_page_has_what_is_needed() {
        let mut guide = Guide::read(TEXT).unwrap();
        assert!(guide.dependencies.contains("opentelemetry-sentry = "));
        assert!(guide.service.contains("fn main()"));
        guide.set_ports(1, 2);
        assert!(guide.page.contains("http://localhost:1/api/cart"), "{}", guide.page);
        assert!(guide.service.contains("\"http://localhost:2\""), "{}", guide.service);
        guide.set_page_dsn("http://key@127.0.0.1:3/43").unwrap();
        assert!(guide.page.contains("  dsn: 'http://key@127.0.0.1:3/43',\n"), "{}", guide.page);
        guide.forget_targets().unwrap();
        assert!(guide.page.contains("tracePropagationTargets: [],\n"), "{}", guide.page);
    }

    #[test]
    fn a_page_without_a_service_is_named() {
        let error = Guide::read("```sh\nA=1 cargo run\n```\n").err().unwrap();
        assert_eq!(error, "docs/getting_started.md has no block of toml with [dependencies]");
    }

    #[test]
    fn settings_are_those_of_the_line_that_starts_it() {
        let text = TEXT.replace("/42 SENTRY_TRACES_SAMPLE_RATE=0.2 cargo run", "/42 cargo run");
        let text = text.replace("/42 cargo run", "/42 A=0.2 cargo run");
        let guide = Guide::read(&text).unwrap();
        assert_eq!(guide.settings, [("A".to_owned(), "0.2".to_owned())]);
    }
}
