//! Makes projects from the text of the pages, as somebody does who copies from them. Each project is what
//! `cargo new` makes, with the page's manifest lines and one block, unchanged.

mod page;
mod project;
mod service;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use page::Program;
use project::Project;

/// What a page's Rust blocks are.
#[derive(Clone, Copy, PartialEq)]
enum Blocks {
    /// Programs that end by themselves.
    Programs,
    /// The service, which is called.
    Service,
    /// Functions for a program, which are built.
    Parts,
}

/// Pages, and how many blocks each has at least: a page that loses its blocks is no success.
const PAGES: [(&str, Blocks, usize); 3] = [
    ("README.md", Blocks::Programs, 4),
    ("docs/getting_started.md", Blocks::Service, 1),
    ("docs/tracing.md", Blocks::Parts, 4),
];

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: newcomer FOLDER, which has the unpacked crate in opentelemetry-sentry";
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or(usage)?);
    for (page, kind, least) in PAGES {
        let text = fs::read_to_string(folder.join("opentelemetry-sentry").join(page))?;
        let programs = page::programs(&text, kind == Blocks::Parts)
            .map_err(|error| format!("{page}: {error}"))?;
        if programs.len() < least {
            return Err(format!("{page} has {} Rust blocks, not {least}", programs.len()).into());
        }
        for (index, program) in programs.iter().enumerate() {
            let name = format!("{page}, block {}", index + 1);
            println!("{name}");
            try_it(&folder, kind, program).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

fn try_it(folder: &Path, kind: Blocks, program: &Program) -> Result<(), Box<dyn Error>> {
    let project = Project::new(folder, program)?;
    match kind {
        Blocks::Parts => Ok(()),
        Blocks::Service => service::try_it(&project),
        // It reads its settings from the environment: none are fine, a bad one is an error.
        Blocks::Programs => {
            project.run(&[], true)?;
            project.run(&[("SENTRY_DSN", "https://sentry.example/no-key")], false)
        }
    }
}
