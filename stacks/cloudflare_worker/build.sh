set -eu
cd "$(dirname "$0")"
wasm=${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/cloudflare_worker.wasm
cargo build --release --target wasm32-unknown-unknown
wasm-bindgen --target bundler --no-typescript --out-name index --out-dir build/js "$wasm"
cp worker.js build/js
npx esbuild build/js/worker.js --bundle --minify --format=esm \
    '--external:*.wasm' '--external:cloudflare:*' --outfile=build/worker.js
npx wasm-opt -Oz --all-features build/js/index_bg.wasm -o build/index_bg.wasm
cp workerd.capnp build
