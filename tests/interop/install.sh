#!/usr/bin/env bash
# Installs the SDKs of versions.env, apps/java/pom.xml and apps/go/go.mod, and their runtimes, into
# target/interop. A second run installs only what has changed. Needs npm, pip, cargo, Go and a JDK
# with Maven. As root, it installs missing ones and Chromium from Debian.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(cd "$here/../.." && pwd)/target/interop
mkdir -p "$work"
# shellcheck source=versions.env
. "$here/versions.env"

# need PROGRAM PACKAGE...: installs Debian's packages if the program is missing.
need() {
    local program=$1 sudo=
    shift
    command -v "$program" >/dev/null && return
    [ "$(id -u)" = 0 ] || sudo=sudo
    install_packages() {
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
    }
    install_packages "$@" >&2 || { $sudo apt-get update >&2 && install_packages "$@" >&2; } || {
        echo "$program is needed, and apt-get cannot install $*: install it by hand" >&2
        exit 1
    }
}

need /usr/bin/chromium chromium
need node nodejs
need npm npm
need python3 python3
need javac openjdk-17-jdk-headless
need mvn maven
need go golang
# From 1.21 on Go fetches the toolchain that go.mod asks for.
case $(go env GOVERSION) in
    go1.[0-9] | go1.[0-9].* | go1.1[0-9] | go1.1[0-9].* | go1.20 | go1.20.*)
        echo "Go 1.21 or later is needed, this one is $(go env GOVERSION): see https://go.dev/doc/install" >&2
        exit 1
        ;;
esac
python3 -m pip --version >/dev/null || {
    echo 'pip is needed for python3: apt-get install python3-pip' >&2
    exit 1
}

# npm: the packages of versions.env, and their dependencies from the lock file.
cat > "$work/package.json.new" <<JSON
{
  "name": "interop",
  "private": true,
  "dependencies": {
    "@opentelemetry/sampler-composite": "$OTEL_NODE_SAMPLER",
    "@opentelemetry/sdk-node": "$OTEL_NODE",
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
    if ! (cd "$work" && npm ci --no-audit --no-fund --loglevel=error); then
        cat >&2 <<TEXT
npm installs nothing. If package-lock.json is not the lock of versions.env, after a change of a version:
    (cd target/interop && npm install --package-lock-only) &&
        cp target/interop/package-lock.json tests/interop/package-lock.json
TEXT
        exit 1
    fi
    touch "$work/npm-done"
fi
rm -f "$work/package.json.new"

# pip: into a separate directory, so that no virtual environment is needed.
python="sentry-sdk==$SENTRY_PYTHON opentelemetry-sdk==$OTEL_PYTHON flask==$FLASK waitress==$WAITRESS"
if [ "$(cat "$work/python-done" 2>/dev/null || true)" != "$python" ]; then
    rm -rf "$work/python" "$work/python-done"
    # shellcheck disable=SC2086
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$work/python" $python
    echo "$python" > "$work/python-done"
fi

# cargo: a package outside this one's dependencies and minimum Rust version.
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

# Maven: both services and their dependencies in one run.
java=$(cat "$here/apps/java/pom.xml" "$here"/apps/java/src/main/java/interop/*.java | sha256sum)
if [ "$(cat "$work/java-done" 2>/dev/null || true)" != "$java" ]; then
    rm -rf "$work/java" "$work/java-done"
    mvn --quiet --batch-mode --file "$here/apps/java/pom.xml" -Dinterop.out="$work/java" package
    echo "$java" > "$work/java-done"
fi

# Go: its own cache detects changes.
mkdir -p "$work/go"
go build -C "$here/apps/go" -mod=readonly -o "$work/go/" ./sentry ./otel
echo "installed into $work"
