//! The Vue page of `docs/getting_started.md`, bundled with the real `@sentry/vue`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::guide::Guide;
use crate::process::{command, run, write};

const APP: &str = include_str!("../page/App.vue");
const LOCK: &str = include_str!("../package-lock.json");
/// The one place for the versions of the SDKs that this repository is tried with.
const VERSIONS: &str = include_str!("../../../tests/interop/versions.env");

/// The bundle's path.
pub(crate) fn bundle(guide: &Guide, folder: &Path) -> Result<PathBuf, String> {
    install(folder)?;
    write(&folder.join("src/App.vue"), APP)?;
    write(&folder.join("src/main.ts"), &guide.page)?;
    let bundle = folder.join("dist/main.js");
    run(command(folder.join("node_modules/.bin/esbuild"), folder)
        .args(["src/main.ts", "--bundle", "--format=iife", "--minify", "--log-level=warning"])
        .args(["--loader:.vue=js", "--define:process.env.NODE_ENV=\"production\""])
        .args(["--define:__VUE_OPTIONS_API__=true", "--define:__VUE_PROD_DEVTOOLS__=false"])
        .arg("--define:__VUE_PROD_HYDRATION_MISMATCH_DETAILS__=false")
        .arg(format!("--outfile={}", bundle.display())))?;
    Ok(bundle)
}

fn install(folder: &Path) -> Result<(), String> {
    let (manifest, done) = (manifest()?, folder.join("installed"));
    let wanted = format!("{manifest}{LOCK}");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    write(&folder.join("package.json"), &manifest)?;
    write(&folder.join("package-lock.json"), LOCK)?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    run(command(npm, folder).args(install)).map_err(|error| {
        format!(
            "{error}\nafter a change of a version, `npm install --package-lock-only` in {} makes the \
             lock that belongs into stacks/see_it_locally",
            folder.display()
        )
    })?;
    write(&done, wanted)
}

fn manifest() -> Result<String, String> {
    let version = |name: &str| {
        let line = VERSIONS.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.ok_or_else(|| format!("tests/interop/versions.env has no {name}"))
    };
    Ok(format!(
        "{{\n  \"name\": \"see-it-locally\",\n  \"private\": true,\n  \"dependencies\": {{\n    \
         \"@sentry/vue\": \"{}\",\n    \"esbuild\": \"{}\",\n    \"vue\": \"{}\"\n  }}\n}}\n",
        version("SENTRY_VUE")?,
        version("ESBUILD")?,
        version("VUE")?
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lock_is_that_of_the_versions() {
        let manifest: serde_json::Value =
            serde_json::from_str(&super::manifest().unwrap()).unwrap();
        let lock: serde_json::Value = serde_json::from_str(super::LOCK).unwrap();
        assert_eq!(lock["packages"][""]["dependencies"], manifest["dependencies"]);
    }
}
