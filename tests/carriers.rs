//! Every channel that carries a trace, from outside: processes, pages, responses, messages.

mod support_core;

mod carriers {
    mod environment;
    #[cfg(feature = "http")]
    mod header_map;
    mod html;
    mod message;
    mod server_timing;
    mod trace_data;
}
