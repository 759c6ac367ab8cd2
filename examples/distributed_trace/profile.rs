//! The three services and their Sentry settings.

use std::error::Error;

use opentelemetry_sentry::Sentry;

pub(crate) const PUBLIC_KEY: &str = "49d0f7386ad645858ae85020e393bef3";
pub(crate) const ORGANIZATION: &str = "42";

/// The services in the order in which a request passes them. Their rates differ, so that a service
/// that decides instead of the head is noticed.
pub(crate) const CHAIN: [Profile; 3] = [
    Profile {
        name: "storefront",
        route: "/buy",
        release: "storefront@1.4.0",
        environment: "production",
        sample_rate: 1.0,
    },
    Profile {
        name: "checkout",
        route: "/checkout",
        release: "checkout@7.2.1",
        environment: "production-eu",
        sample_rate: 0.5,
    },
    Profile {
        name: "auth",
        route: "/auth",
        release: "auth@0.9.3",
        environment: "canary",
        sample_rate: 0.0,
    },
];

/// One service.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) route: &'static str,
    pub(crate) release: &'static str,
    pub(crate) environment: &'static str,
    pub(crate) sample_rate: f64,
}

impl Profile {
    pub(crate) fn sentry(&self) -> Result<Sentry, Box<dyn Error>> {
        let dsn = format!("https://{PUBLIC_KEY}@o{ORGANIZATION}.ingest.sentry.io/42");
        let sentry = Sentry::builder()
            .dsn(dsn.as_str())
            .release(self.release)
            .environment(self.environment)
            .traces_sample_rate(self.sample_rate)
            .trace_propagation_targets(["http://127.0.0.1"])
            .build()?;
        Ok(sentry)
    }
}
