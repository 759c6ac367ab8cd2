//! The keys of the Dynamic Sampling Context, as they stand in `baggage`.

/// What marks a member as Sentry's. Case-sensitive.
pub(crate) const PREFIX: &str = "sentry-";

/// Whether a baggage member of this key is Sentry's.
#[inline]
pub(crate) fn is_sentry_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Makes the keys from their names, so that these stand once.
macro_rules! dsc_keys {
    ($($key:ident $name:literal),* $(,)?) => {
        /// The keys that the specification names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum DscKey {
            $($key),*
        }

        /// Every [`DscKey`] at the place of its discriminant.
        pub(crate) const KEYS: [DscKey; 10] = [$(DscKey::$key),*];

        impl DscKey {
            /// The beginning of its member: all but the value.
            #[inline]
            pub(crate) const fn member(self) -> &'static str {
                match self {
                    $(DscKey::$key => concat!("sentry-", $name, "=")),*
                }
            }

            #[inline]
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(DscKey::$key => $name),*
                }
            }

            // Lengths and bytes known to the compiler: no call for a copy, or a comparison.

            /// Appends a comma and the beginning of its member.
            #[inline(always)]
            pub(crate) fn push_member(self, list: &mut String) {
                match self {
                    $(DscKey::$key => list.push_str(concat!(",sentry-", $name, "="))),*
                }
            }

            #[inline]
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(DscKey::$key),)*
                    _ => None,
                }
            }

            /// The key and the value of a member that has no spaces around them.
            #[inline]
            pub(crate) fn split(member: &str) -> Option<(Self, &str)> {
                let rest = member.strip_prefix(PREFIX)?;
                let first = rest.as_bytes().first();
                // One byte rules out most keys before a longer comparison.
                $(if first == $name.as_bytes().first() {
                    if let Some(value) = rest.strip_prefix(concat!($name, "=")) {
                        return Some((DscKey::$key, value));
                    }
                })*
                None
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

/// Some of the keys that the specification names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeySet(u16);

impl KeySet {
    pub(crate) const fn of(key: DscKey) -> Self {
        KeySet(1 << key as u16)
    }

    pub(crate) const fn and(self, key: DscKey) -> Self {
        KeySet(self.0 | KeySet::of(key).0)
    }

    /// Puts others in; `false` where one of them was there.
    #[inline]
    pub(crate) fn insert(&mut self, others: KeySet) -> bool {
        let is_new = self.0 & others.0 == 0;
        self.0 |= others.0;
        is_new
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
