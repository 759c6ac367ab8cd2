//! No dead link in the repository: files and anchors in `*.md`, and the same links in rustdoc.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The link definitions of the pages for rustdoc.
const RUSTDOC_LINKS: &str = include_str!("../../docs/rustdoc_links.txt");

/// The links and anchors of one text, and the words of its code.
#[derive(Debug, Default)]
struct Page {
    links: Vec<Link>,
    anchors: BTreeSet<String>,
    /// In sentences.
    inline_code: BTreeSet<String>,
    /// In blocks.
    block_code: BTreeSet<String>,
}

#[derive(Debug)]
struct Link {
    target: String,
    /// The name of its definition.
    label: Option<String>,
}

fn parse(text: &str) -> Page {
    let mut page = Page::default();
    let mut broken = Vec::new();
    let note = |link: BrokenLink<'_>| {
        // `[W3C]` alone is text.
        if matches!(link.link_type, LinkType::Reference | LinkType::ReferenceUnknown) {
            broken.push(Link { target: format!("[{}]", link.reference), label: None });
        }
        None::<(CowStr<'_>, CowStr<'_>)>
    };
    let mut heading = None;
    let mut in_block = false;
    let options = Options::ENABLE_TABLES;
    for event in Parser::new_with_broken_link_callback(text, options, Some(note)) {
        match event {
            Event::Start(Tag::Link { dest_url, id, .. } | Tag::Image { dest_url, id, .. }) => {
                let label = Some(id.to_string()).filter(|id| !id.is_empty());
                page.links.push(Link { target: dest_url.to_string(), label });
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let first = anchor(&heading.take().unwrap());
                let repeated = (1..).map(|n| format!("{first}-{n}"));
                let mut names = [first.clone()].into_iter().chain(repeated);
                let free = names.find(|name| !page.anchors.contains(name));
                page.anchors.extend(free);
            }
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Text(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
                if in_block {
                    page.block_code.extend(words(&part));
                }
            }
            Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
                page.inline_code.extend(words(&part));
            }
            _ => {}
        }
    }
    page.links.append(&mut broken);
    page
}

fn words(code: &str) -> impl Iterator<Item = String> + '_ {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned)
}

/// A heading's anchor, as GitHub and rustdoc generate it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect::<String>().to_lowercase()
}

fn is_elsewhere(target: &str) -> bool {
    target.starts_with("https://") || target.starts_with("http://")
}

/// All files with an extension, relative to the root, without build output and installed packages.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_str().unwrap().to_owned();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                let skip = name.starts_with('.') || ["target", "node_modules"].contains(&&*name);
                folders.extend(Some(path).filter(|_| !skip));
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// `docs/../README.md` as `README.md`; `None` above the root.
fn join(folder: &Path, relative: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in folder.join(relative).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.pop().then_some(())?,
            _ => return None,
        }
    }
    Some(path)
}

/// Why a link in this file is dead.
fn fault(pages: &BTreeMap<PathBuf, Page>, from: &Path, target: &str) -> Option<String> {
    if is_elsewhere(target) {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => Some(from.to_owned()),
        file => join(from.parent().unwrap(), file),
    };
    let exists = path.as_ref().filter(|path| Path::new(ROOT).join(path).exists());
    let Some(path) = exists else {
        return Some(format!("{}: {target}: no such file", from.display()));
    };
    let known = pages.get(path).is_some_and(|page| page.anchors.contains(anchor));
    let dead = !anchor.is_empty() && !known;
    dead.then(|| format!("{}: {target}: no such heading", from.display()))
}

#[test]
fn no_link_is_dead() {
    let pages: BTreeMap<_, _> =
        files("md").into_iter().map(|path| (path.clone(), parse(&read(&path)))).collect();
    let links = pages.iter().flat_map(|(from, page)| page.links.iter().map(move |to| (from, to)));
    let faults: Vec<_> =
        links.clone().filter_map(|(from, to)| fault(&pages, from, &to.target)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(links.count() > 20, "the links are found");
}

/// Rustdoc links modules, not files: each link between pages needs a definition for rustdoc.
#[test]
fn rustdoc_leads_to_the_same_pages() {
    let mut defined: BTreeMap<&str, &str> =
        RUSTDOC_LINKS.lines().map(|line| line.split_once(": ").unwrap_or((line, ""))).collect();
    defined.remove("");
    let mut used = BTreeSet::new();
    for path in files("md").into_iter().filter(|path| path.starts_with("docs")) {
        let name = path.display();
        for link in parse(&read(&path)).links {
            let target = &*link.target;
            if is_elsewhere(target) || target.starts_with(['#']) || target.starts_with("images/") {
                continue;
            }
            let label = format!("[{}]", link.label.unwrap_or_else(|| panic!("{name}: {target}")));
            let module = format!("crate::_documentation::{}", target.replacen(".md", "", 1));
            let source = format!("/source/docs/{target}");
            let there = defined.get(&*label).copied().unwrap_or_else(|| panic!("{name}: {label}"));
            assert!(there == module || there.ends_with(&source), "{name}: {label}: {there}");
            used.insert(label);
        }
    }
    assert!(defined.keys().all(|label| used.contains(*label)), "{defined:#?}\n{used:#?}");
}

/// The names that `src/lib.rs` exports, each with the file that defines it.
fn exported(lib: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for path in lib.lines().filter_map(|line| line.strip_prefix("pub use crate::")) {
        let (module, names) = path.trim_end_matches(';').rsplit_once("::").unwrap();
        let file = Path::new("src").join(module.replace("::", "/")).with_extension("rs");
        for name in names.trim_matches(['{', '}']).split(", ") {
            let module = file.with_extension("").join(name).with_extension("rs");
            let is_module = Path::new(ROOT).join(&module).exists();
            found.push((if is_module { module } else { file.clone() }, name.to_owned()));
        }
    }
    found
}

/// The documentation of a public item, or of a module.
fn documentation(path: &Path, name: &str) -> String {
    let text = read(path);
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let declares = |line: &str| {
        let line = line.strip_prefix("pub ").and_then(|line| line.split_once(' '));
        line.is_some_and(|(_, rest)| rest.split(|c| !is_word(c)).next() == Some(name))
    };
    let above = lines.iter().position(|line| declares(line)).map(|at| &lines[..at]);
    let Some(above) = above else {
        assert_eq!(path.file_stem().unwrap(), name, "{}: {name}", path.display());
        return lines.iter().filter_map(|line| line.strip_prefix("//!")).collect();
    };
    let lines = above.iter().rev().take_while(|line| line.starts_with(['/', '#']));
    lines.filter_map(|line| line.strip_prefix("///")).collect()
}

/// What `[..](crate::_documentation::page#heading)` links.
fn guides(text: &str) -> BTreeSet<(&str, &str)> {
    let links = text.split("_documentation::").skip(1).filter_map(|rest| rest.split(')').next());
    links.map(|link| link.split_once('#').unwrap_or((link, ""))).collect()
}

/// A reader of an item's documentation finds the page that explains it.
#[test]
fn what_pages_name_links_to_one_of_them() {
    let pages: BTreeMap<String, Page> = files("md")
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix("docs").ok()?.file_stem()?.to_str()?.to_owned();
            Some((name, parse(&read(&path))))
        })
        .collect();
    let mut named = 0;
    let mut faults = Vec::new();
    for (path, name) in exported(&read(Path::new("src/lib.rs"))) {
        if !pages.values().any(|page| page.inline_code.contains(&name)) {
            continue;
        }
        named += 1;
        let text = documentation(&path, &name);
        let shows =
            |page: &Page| page.inline_code.contains(&name) || page.block_code.contains(&name);
        if !guides(&text).iter().any(|(page, _)| pages.get(*page).is_some_and(shows)) {
            faults.push(name);
        }
    }
    assert!(faults.is_empty(), "no link to a page that names it: {faults:#?}");
    assert!(named > 20, "the items are found");
    for path in files("rs").into_iter().filter(|path| path.starts_with("src")) {
        for (page, heading) in guides(&read(&path).replace("\n", " ")) {
            let known = pages.get(page);
            let known =
                known.is_some_and(|page| heading.is_empty() || page.anchors.contains(heading));
            assert!(
                known || page.starts_with(char::is_whitespace),
                "{}: {page}#{heading}",
                path.display()
            );
        }
    }
}

/// Each page is a guide: a module with a summary, linked from the front page.
#[test]
fn the_front_page_links_every_guide() {
    let lib = read(Path::new("src/lib.rs"));
    let lines: Vec<_> = lib.lines().map(str::trim).collect();
    let front: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("//!")).collect();
    let front = front.join("\n");
    let linked: BTreeSet<_> = guides(&front).into_iter().map(|(page, _)| page).collect();
    let pages = files("md").into_iter().filter(|path| path.starts_with("docs"));
    let pages: Vec<_> = pages.map(|path| path.file_stem().unwrap().to_owned()).collect();
    for page in pages.iter().map(|page| page.to_str().unwrap()) {
        assert!(linked.contains(page), "the front page does not link {page}");
        let module = lines.iter().position(|line| *line == page);
        let module = module.unwrap_or_else(|| panic!("{page} is no guide"));
        let above = lines[..module].iter().rev().take_while(|line| line.starts_with(['/', '#']));
        let summaries = above.filter(|line| line.len() > 3 && line.starts_with("///")).count();
        assert_eq!(summaries, 1, "the summary of {page}");
    }
    assert!(pages.len() > 15, "the pages are found");
}

/// The documentation in the code links modules and URLs, not files.
#[test]
fn rustdoc_of_the_code_links_no_file() {
    for path in files("rs").into_iter().filter(|path| path.starts_with("src")) {
        let text = read(&path);
        let comment = |line| {
            let line = str::trim_start(line);
            line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
        };
        let comments: Vec<_> = text.lines().map(|line| comment(line).unwrap_or("")).collect();
        for Link { target, .. } in parse(&comments.join("\n")).links {
            let is_file = target.contains('/') || target.ends_with(".md");
            assert!(is_elsewhere(&target) || !is_file, "{}: {target}", path.display());
        }
    }
}

#[test]
fn dead_links_are_found() {
    let docs = Path::new("docs/cors.md");
    let page = parse("# A `b`: c_d\n# A\n# A\n[x](#a-b-c_d) [y][z] [W3C]\n\n[t]: cors.md");
    let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
    assert_eq!(anchors, ["a", "a-1", "a-b-c_d"]);
    let targets: Vec<_> = page.links.iter().map(|link| &*link.target).collect();
    assert_eq!(targets, ["#a-b-c_d", "[z]"]);
    let pages = BTreeMap::from([(docs.to_owned(), page)]);
    for alive in ["#a-1", "cors.md#a", "../README.md", "../tests/interop", "https://a.example/#x"] {
        assert_eq!(fault(&pages, docs, alive), None);
    }
    for dead in ["#b", "cors.md#b", "README.md", "../../x", "/tmp", "[z]", "cors.md2"] {
        assert!(fault(&pages, docs, dead).is_some(), "{dead}");
    }
}
