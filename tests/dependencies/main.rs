//! `docs/reliability.md` names every dependency of the default features and no other.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const PAGE: &str = include_str!("../../docs/reliability.md");

fn listed_on_page() -> BTreeSet<String> {
    let (_, table) = PAGE.split_once("<!-- dependencies").unwrap();
    let (table, _) = table.split_once("<!-- end of dependencies").unwrap();
    let names = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

/// Normal dependencies that are required or that a default feature enables.
fn listed_in_manifest() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = &metadata["packages"][0];
    let list = |value: &Value| -> Vec<String> {
        let items = value.as_array().unwrap().iter();
        items.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let enabled: BTreeSet<String> = list(&package["features"]["default"])
        .iter()
        .flat_map(|feature| list(&package["features"][feature]))
        .filter_map(|item| item.strip_prefix("dep:").map(str::to_owned))
        .collect();
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    dependencies
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| (dependency["name"].as_str().unwrap(), &dependency["optional"]))
        .filter(|(name, optional)| **optional == false || enabled.contains(*name))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn the_page_lists_every_dependency() {
    assert_eq!(listed_on_page(), listed_in_manifest());
    assert!(listed_on_page().len() > 4);
}
