//! The keys of the Dynamic Sampling Context, as written in `baggage`.

/// How every Sentry member's key starts. Case-sensitive.
pub(crate) const PREFIX: &str = "sentry-";

/// Whether a baggage member of this key is Sentry's.
pub(crate) fn is_sentry_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The key of a Sentry member without its prefix.
pub(crate) fn strip_prefix(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX)
}

/// Generates the keys from their names, so that each name is written once.
macro_rules! dsc_keys {
    ($($key:ident $name:literal),* $(,)?) => {
        /// The keys that the specification names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum DscKey {
            $($key),*
        }

        impl DscKey {
            pub(crate) const COUNT: usize = [$(DscKey::$key),*].len();

            /// The bytes of all members without their values, commas included.
            const MEMBERS_BYTES: usize =
                0 $(+ concat!(",sentry-", $name, "=").len())*;

            /// Appends the start of its member: prefix, name and `=`.
            #[inline(always)]
            fn push_to(self, list: &mut String) {
                match self {
                    $(DscKey::$key => list.push_str(concat!("sentry-", $name, "="))),*
                }
            }

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(DscKey::$key => $name),*
                }
            }

            /// The key at the start of a member without its prefix, and the value behind the `=`.
            ///
            /// One byte rules out most names before a longer comparison.
            #[inline(always)]
            pub(crate) fn split(member: &str) -> Option<(Self, &str)> {
                let first = member.as_bytes().first();
                $(if first == $name.as_bytes().first() {
                    if let Some(value) = member.strip_prefix(concat!($name, "=")) {
                        return Some((DscKey::$key, value));
                    }
                })*
                None
            }

            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(DscKey::$key),)*
                    _ => None,
                }
            }
        }
    };
}

dsc_keys! {
    TraceId "trace_id",
    PublicKey "public_key",
    SampleRate "sample_rate",
    SampleRand "sample_rand",
    Sampled "sampled",
    Release "release",
    Environment "environment",
    Transaction "transaction",
    ReplayId "replay_id",
    OrgId "org_id",
}

/// The key of a Sentry member, without its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKey<'a> {
    Known(DscKey),
    Unknown(&'a str),
}

impl<'a> EntryKey<'a> {
    pub(crate) fn name(self) -> &'a str {
        match self {
            EntryKey::Known(key) => key.name(),
            EntryKey::Unknown(name) => name,
        }
    }
}

/// Sentry members to be sent, joined with `,`.
#[derive(Clone, Default)]
pub(crate) struct SentryMembers {
    pub(crate) list: String,
    pub(crate) count: usize,
}

impl SentryMembers {
    /// An empty list with room for members whose values have this many bytes in total.
    pub(crate) fn with_capacity(values: usize) -> Self {
        SentryMembers { list: String::with_capacity(values + DscKey::MEMBERS_BYTES), count: 0 }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, key: EntryKey<'_>, value: &str) {
        if self.count > 0 {
            self.list.push(',');
        }
        match key {
            EntryKey::Known(key) => key.push_to(&mut self.list),
            EntryKey::Unknown(key) => self.list.extend([PREFIX, key, "="]),
        }
        self.list.push_str(value);
        self.count += 1;
    }

    /// Appends members to a list that is not empty.
    pub(crate) fn append(&mut self, members: &SentryMembers) {
        if members.count > 0 {
            self.list.push(',');
            self.list.push_str(&members.list);
            self.count += members.count;
        }
    }
}
