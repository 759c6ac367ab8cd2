//! OTel's probability sampling: compares our decisions and the `ot` member with an oracle in
//! integer arithmetic.
//!
//! ```sh
//! cargo test --test consistency                                 # 200,000 pairs
//! cargo test --release --test consistency -- --ignored          # 10 million
//! ```

mod oracle;
mod pair;
mod pairs;
mod received;
