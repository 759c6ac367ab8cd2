//! The programs of a page.

/// A Rust block, and the manifest lines above it.
#[derive(Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) dependencies: String,
    pub(crate) main: String,
}

/// Each Rust block with the last `[dependencies]` block before it. Parts of programs get a `main`.
pub(crate) fn programs(page: &str, are_parts: bool) -> Result<Vec<Program>, String> {
    let mut programs = Vec::new();
    let mut dependencies = None;
    for (language, text) in blocks(page) {
        let is_program = text.contains("fn main()");
        let has_hidden_line = text.lines().any(|line| line == "#" || line.starts_with("# "));
        match language.split(',').next() {
            Some("toml") if text.starts_with("[dependencies]\n") => dependencies = Some(text),
            Some("rust") if is_program == are_parts => {
                return Err(format!("a program among parts, or the other way round:\n{text}"));
            }
            Some("rust") if has_hidden_line => return Err(format!("a hidden line:\n{text}")),
            Some("rust") => {
                let dependencies = dependencies.clone();
                let dependencies = dependencies.ok_or("a program without manifest lines")?;
                let main = match are_parts {
                    true => format!("#![allow(dead_code)]\n{text}\nfn main() {{}}\n"),
                    false => text,
                };
                programs.push(Program { dependencies, main });
            }
            _ => {}
        }
    }
    Ok(programs)
}

/// Language and text of each fenced block.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((language, text.map(|line| format!("{line}\n")).collect()));
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "```toml\n[dependencies]\na = \"1\"\n```\n";

    #[test]
    fn a_program_has_the_manifest_above_it() {
        let page = format!("{MANIFEST}text\n```rust,no_run\nfn main() {{}}\n```\n```sh\nls\n```\n");
        let program = Program {
            dependencies: "[dependencies]\na = \"1\"\n".to_owned(),
            main: "fn main() {}\n".to_owned(),
        };
        assert_eq!(programs(&page, false), Ok(vec![program]));
    }

    #[test]
    fn what_does_not_paste_is_an_error() {
        for block in ["let a = 1;", "# use a;\nfn main() {}", "fn main() {}\n# Ok::<(), ()>(())"] {
            let page = format!("{MANIFEST}```rust\n{block}\n```\n");
            assert!(programs(&page, false).is_err(), "{block}");
        }
        assert!(programs("```rust\nfn main() {}\n```\n", false).is_err());
        let part = format!("{MANIFEST}```rust\nfn part() {{}}\n```\n");
        assert!(programs(&part, true).is_ok() && programs(&part, false).is_err());
    }
}
