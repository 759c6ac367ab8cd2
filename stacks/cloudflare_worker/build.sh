#!/usr/bin/env bash
# Builds the worker into build/: worker.js and index_bg.wasm, with workerd.capnp beside them.
# Needs the target wasm32-unknown-unknown, the wasm-bindgen command of Cargo.toml's version, and npm.
#
#     stacks/cloudflare_worker/build.sh
#     cd stacks/cloudflare_worker && npx workerd serve build/workerd.capnp
set -euo pipefail
cd "$(dirname "$0")"

if ! cmp -s package-lock.json node_modules/installed; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/installed
fi

cargo build --quiet --release --target wasm32-unknown-unknown
target=${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release

rm -rf build
wasm-bindgen --target bundler --no-typescript --out-name index --out-dir build/bindings \
    "$target/cloudflare_worker.wasm"
cp worker.js build/bindings
node_modules/.bin/esbuild build/bindings/worker.js --bundle --minify --format=esm \
    --log-level=warning '--external:*.wasm' '--external:cloudflare:*' --outfile=build/worker.js
node_modules/.bin/wasm-opt -Oz --all-features build/bindings/index_bg.wasm -o build/index_bg.wasm
cp workerd.capnp build
rm -rf build/bindings
