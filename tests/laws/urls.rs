//! The grammar's URLs and DSNs.

use super::choices::Choices;

impl Choices<'_> {
    pub(crate) fn url(&mut self) -> String {
        let scheme = self.pick(&["https://", "http://", "HTTPS://", "ftp://", "//", "", "wss://"]);
        let user = self.pick(&["", "", "", "key@", "key:secret@", "a@b@"]);
        let host = self.pick(&[
            "o1.ingest.sentry.io",
            "O1.Ingest.Sentry.io",
            "o1.ingest.sentry.io.",
            "api.example",
            "xo1.ingest.sentry.io",
            "[::1]",
            "[::1",
            "",
            "o123456789012345678901.sentry.io",
            "sentry_host",
            "a..b",
        ]);
        let port = self.pick(&["", "", "", ":443", ":80", ":9000", ":", ":0", ":65536", ":x"]);
        let path =
            self.pick(&["", "/", "/42", "/a/b/42", "?q", "#f", "\\x", "/é", "//7", "/%7e/1"]);
        let url = format!("{scheme}{user}{host}{port}{path}");
        self.perhaps_mutated(url)
    }

    pub(crate) fn dsn(&mut self) -> String {
        if self.one_in(3) {
            return self.url();
        }
        let scheme = self.pick(&["https", "https", "http", "HTTP", "ftp", ""]);
        let user = self.pick(&[
            "key",
            "49d0f7386ad645858ae85020e393bef3",
            "k:s",
            "k:s@t",
            "k:",
            "",
            "k k",
        ]);
        let host = self.pick(&[
            "o1.ingest.sentry.io",
            "O42.x",
            "sentry.example:9000",
            "[::1]:8000",
            "h.:443",
            "o1",
        ]);
        let path = self.pick(&["", "", "", "/a", "/a//", "/a%20b", "/ä", "/?"]);
        let project = self.pick(&["42", "42", "42", "0", "", "x", "42/", "42?a=b", "42#f"]);
        let dsn = format!("{scheme}://{user}@{host}{path}/{project}");
        let dsn = self.perhaps_mutated(dsn);
        match self.one_in(16) {
            true => dsn.replacen("/42", &format!("/{}/42", "p".repeat(440 + self.below(80))), 1),
            false => dsn,
        }
    }
}
