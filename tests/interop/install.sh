#!/usr/bin/env bash
# Installs the SDKs of versions.env, and what they run in, into target/interop. Running it again
# installs what has changed. Needs npm, pip and cargo, and root where Chromium is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(cd "$here/../.." && pwd)/target/interop
mkdir -p "$work"
# shellcheck source=versions.env
. "$here/versions.env"

if [ ! -x /usr/bin/chromium ]; then
    export DEBIAN_FRONTEND=noninteractive
    install_chromium() { apt-get install --yes --no-install-recommends chromium; }
    install_chromium || { apt-get update && install_chromium; }
fi

# npm: the packages of versions.env, and below them what the lock says.
cat > "$work/package.json.new" <<JSON
{
  "name": "interop",
  "private": true,
  "dependencies": {
    "@sentry/browser": "$SENTRY_BROWSER",
    "@sentry/cloudflare": "$SENTRY_CLOUDFLARE",
    "@sentry/node": "$SENTRY_NODE",
    "@sentry/vue": "$SENTRY_VUE",
    "esbuild": "$ESBUILD",
    "playwright-core": "$PLAYWRIGHT_CORE",
    "vue": "$VUE",
    "workerd": "$WORKERD"
  }
}
JSON
if ! cmp -s "$work/package.json.new" "$work/package.json" ||
    ! cmp -s "$here/package-lock.json" "$work/package-lock.json" || [ ! -e "$work/npm-done" ]; then
    rm -f "$work/npm-done"
    mv "$work/package.json.new" "$work/package.json"
    cp "$here/package-lock.json" "$work/package-lock.json"
    (cd "$work" && npm install --no-audit --no-fund --loglevel=error)
    touch "$work/npm-done"
fi
rm -f "$work/package.json.new"
if ! cmp -s "$here/package-lock.json" "$work/package-lock.json"; then
    cat >&2 <<TEXT
package-lock.json is not the lock of versions.env. After a change of a version:
    cp target/interop/package-lock.json tests/interop/package-lock.json
TEXT
    exit 1
fi

# pip: into a directory of its own, so that no virtual environment is needed.
python="sentry-sdk==$SENTRY_PYTHON flask==$FLASK waitress==$WAITRESS"
if [ "$(cat "$work/python-done" 2>/dev/null || true)" != "$python" ]; then
    rm -rf "$work/python" "$work/python-done"
    # shellcheck disable=SC2086
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$work/python" $python
    echo "$python" > "$work/python-done"
fi

# cargo: a package outside of this one's dependencies and of its minimum Rust version.
mkdir -p "$work/rust"
cat > "$work/rust/Cargo.toml" <<TOML
[package]
name = "interop-rust"
version = "0.0.0"
edition = "2021"
publish = false

[workspace]

[[bin]]
name = "interop-rust"
path = "$here/apps/rust/main.rs"

[dependencies]
axum = { version = "0.8", default-features = false, features = ["http1", "json", "query", "tokio"] }
reqwest = { version = "0.13", default-features = false }
sentry = { version = "=$SENTRY_RUST", default-features = false, features = ["tower-http", "ureq"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }

[profile.dev]
debug = false
TOML
CARGO_TARGET_DIR=$work/rust/target cargo build --quiet --manifest-path "$work/rust/Cargo.toml"
echo "installed into $work"
