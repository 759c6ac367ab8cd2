//! OTel's probability sampling: our decisions and the `ot` member that describes them, compared with an
//! oracle in whole numbers.
//!
//! ```sh
//! cargo test --test consistency                                 # 200,000 pairs
//! cargo test --release --test consistency -- --ignored          # 10 million
//! ```

mod oracle;
mod pair;
mod pairs;
mod received;
