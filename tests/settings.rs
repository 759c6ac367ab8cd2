//! The settings: what is refused and in which words, what the environment fills, where headers go.

mod support_core;

mod settings {
    mod environment;
    mod refused;
    mod strict;
    mod targets;
}
