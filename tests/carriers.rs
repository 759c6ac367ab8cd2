//! Every channel that carries a trace, from outside: processes, pages, responses, messages.

mod support_core;

mod carriers {
    mod environment;
    mod html;
    mod message;
    mod server_timing;
}
