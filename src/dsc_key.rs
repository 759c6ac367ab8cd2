//! The keys of the Dynamic Sampling Context, as they stand in `baggage`.

/// What marks a member as Sentry's. Case-sensitive.
pub(crate) const PREFIX: &str = "sentry-";

/// Whether a baggage member of this key is Sentry's.
#[inline]
pub(crate) fn is_sentry_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The keys that the specification names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum DscKey {
    TraceId,
    PublicKey,
    SampleRate,
    SampleRand,
    Sampled,
    Release,
    Environment,
    Transaction,
    ReplayId,
    OrgId,
}

/// Every [`DscKey`] at the place of its discriminant.
pub(crate) const KEYS: [DscKey; 10] = [
    DscKey::TraceId,
    DscKey::PublicKey,
    DscKey::SampleRate,
    DscKey::SampleRand,
    DscKey::Sampled,
    DscKey::Release,
    DscKey::Environment,
    DscKey::Transaction,
    DscKey::ReplayId,
    DscKey::OrgId,
];

impl DscKey {
    /// The beginning of its member: all but the value.
    #[inline]
    pub(crate) fn member(self) -> &'static str {
        match self {
            DscKey::TraceId => "sentry-trace_id=",
            DscKey::PublicKey => "sentry-public_key=",
            DscKey::SampleRate => "sentry-sample_rate=",
            DscKey::SampleRand => "sentry-sample_rand=",
            DscKey::Sampled => "sentry-sampled=",
            DscKey::Release => "sentry-release=",
            DscKey::Environment => "sentry-environment=",
            DscKey::Transaction => "sentry-transaction=",
            DscKey::ReplayId => "sentry-replay_id=",
            DscKey::OrgId => "sentry-org_id=",
        }
    }

    #[inline]
    pub(crate) fn name(self) -> &'static str {
        let member = self.member();
        member.get(PREFIX.len()..member.len() - 1).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        // Lengths and bytes known to the compiler: no call for a comparison.
        Some(match name {
            "trace_id" => DscKey::TraceId,
            "public_key" => DscKey::PublicKey,
            "sample_rate" => DscKey::SampleRate,
            "sample_rand" => DscKey::SampleRand,
            "sampled" => DscKey::Sampled,
            "release" => DscKey::Release,
            "environment" => DscKey::Environment,
            "transaction" => DscKey::Transaction,
            "replay_id" => DscKey::ReplayId,
            "org_id" => DscKey::OrgId,
            _ => return None,
        })
    }
}

/// A key as it stands in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKey<'a> {
    Known(DscKey),
    Unknown(&'a str),
}

impl<'a> EntryKey<'a> {
    #[inline]
    pub(crate) fn name(self) -> &'a str {
        match self {
            EntryKey::Known(key) => key.name(),
            EntryKey::Unknown(name) => name,
        }
    }
}

/// Appends the beginning of a member, behind a comma where one stands before it.
#[inline]
pub(crate) fn push_key(out: &mut String, key: EntryKey<'_>) {
    if !out.is_empty() {
        out.push(',');
    }
    match key {
        EntryKey::Known(key) => out.push_str(key.member()),
        EntryKey::Unknown(key) => out.extend([PREFIX, key, "="]),
    }
}
