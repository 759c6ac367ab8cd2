//! A `baggage` list to be sent, within the limits of W3C Baggage.

use opentelemetry::baggage::{Baggage, BaggageMetadata, KeyValueMetadata};
use opentelemetry::{Key, StringValue};
use percent_encoding::PercentEncode;

use crate::text::chars::trim_ows;
use crate::wire::baggage::{
    encode, encode_octets, is_key, is_octets, split_member, MAX_BAGGAGE_BYTES, MAX_BAGGAGE_MEMBERS,
};
use crate::wire::dsc_key::SentryMembers;

/// A list to be sent: other parties' members as far as there is room, then Sentry's, which must
/// stay.
pub(crate) struct OutgoingBaggage {
    list: String,
    members: usize,
    /// Sentry's members, for which room is reserved.
    reserved: SentryMembers,
    /// Whether something did not fit.
    pub(crate) overflowed: bool,
}

impl OutgoingBaggage {
    /// An empty list that ends with these members.
    pub(crate) fn before(reserved: SentryMembers) -> Self {
        /// Enough for the baggage of most services.
        const ROOM_BYTES: usize = 128;
        OutgoingBaggage {
            list: String::with_capacity(reserved.list.len() + ROOM_BYTES),
            members: 0,
            reserved,
            overflowed: false,
        }
    }

    /// Appends a member of OTel's own baggage, percent-encoded, if it fits whole.
    pub(crate) fn push(&mut self, key: &str, value: &str, metadata: &BaggageMetadata) {
        let start = self.start_member();
        // OTel's propagators decode keys, so `%` must be encoded there too.
        if key.contains('%') {
            self.list.push_str(&key.replace('%', "%25"));
        } else {
            self.list.push_str(key);
        }
        self.list.push('=');
        self.list.extend(encode(value));
        // Common case: there is none.
        if !metadata.as_str().is_empty() {
            self.push_properties(metadata.as_str(), encode);
        }
        self.keep_if_it_fits(start);
    }

    /// Appends a member that another propagator wrote, if it fits whole: unchanged if it is valid,
    /// else encoded. A member without a key is dropped: some readers reject the whole list for it.
    pub(crate) fn push_valid(&mut self, member: &str) {
        let Some((key, rest)) = split_member(member).filter(|(key, _)| is_key(key)) else {
            return;
        };
        let start = self.start_member();
        let mut parts = rest.split(';');
        let value = parts.next().unwrap_or_default();
        let is_property = |property: &str| {
            let (key, value) = property.split_once('=').unwrap_or((property, ""));
            is_key(trim_ows(key)) && is_octets(trim_ows(value))
        };
        let is_valid = is_octets(trim_ows(value)) && parts.all(is_property);
        if is_valid {
            self.list.push_str(member);
        } else {
            self.list.push_str(key);
            self.list.push('=');
            self.list.extend(encode_octets(trim_ows(value)));
            let properties = rest.split_once(';').map_or("", |(_, properties)| properties);
            self.push_properties(properties, encode_octets);
        }
        self.keep_if_it_fits(start);
    }

    /// Appends a member, if it fits whole, unchanged except for control characters, which no header
    /// can hold.
    #[cfg(feature = "http")]
    pub(crate) fn push_as_is(&mut self, member: &str) {
        let start = self.start_member();
        self.list.push_str(&crate::wire::baggage::header_text(member));
        self.keep_if_it_fits(start);
    }

    fn start_member(&mut self) -> usize {
        let start = self.list.len();
        if start > 0 {
            self.list.push(',');
        }
        start
    }

    fn push_properties(&mut self, properties: &str, encode: fn(&str) -> PercentEncode<'_>) {
        for (key, value) in split_properties(properties) {
            self.list.push(';');
            self.list.push_str(key);
            if let Some(value) = value {
                self.list.push('=');
                self.list.extend(encode(value));
            }
        }
    }

    fn keep_if_it_fits(&mut self, start: usize) {
        let SentryMembers { list: reserved, count } = &self.reserved;
        let comma = usize::from(!reserved.is_empty());
        let bytes = self.list.len() + comma + reserved.len();
        let members = self.members + 1 + count;
        if bytes <= MAX_BAGGAGE_BYTES && members <= MAX_BAGGAGE_MEMBERS {
            self.members += 1;
        } else {
            self.list.truncate(start);
            self.overflowed = true;
        }
    }

    /// The list with Sentry's members at its end; `None` if it is empty.
    pub(crate) fn finish(mut self) -> Option<String> {
        let reserved = self.reserved.list;
        if self.list.is_empty() {
            return (!reserved.is_empty()).then_some(reserved);
        }
        if !reserved.is_empty() {
            self.list.push(',');
            self.list.push_str(&reserved);
        }
        Some(self.list)
    }
}

/// Keys and values of a member's properties. A property whose key is not a token is dropped: it
/// cannot be sent, and receivers do not decode keys.
///
/// ```text
/// property = key [ OWS "=" OWS value ]
/// ```
fn split_properties(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let properties = text.split(';').map(|property| match property.split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (property.trim(), None),
    });
    properties.filter(|(key, _)| is_key(key))
}

/// The baggage with encoded values and metadata, for an inner propagator: the stock one writes
/// metadata unencoded, others also values, and a separator in them would be misread. `None` if no
/// value has one and there is no metadata.
pub(crate) fn unambiguous(own: &Baggage) -> Option<Baggage> {
    let separates =
        |text: &str| text.bytes().any(|b| b"\",;=\\".contains(&b) || b.is_ascii_control());
    let is_unchanged = |(_, (value, metadata)): (&Key, &(StringValue, BaggageMetadata))| {
        !separates(value.as_str()) && metadata.as_str().is_empty()
    };
    if own.iter().all(is_unchanged) {
        return None;
    }
    let members = own.iter().map(|(key, (value, metadata))| {
        let text = value.as_str();
        let value = if separates(text) { encode(text).to_string() } else { text.to_owned() };
        let metadata = properties_text(metadata.as_str());
        KeyValueMetadata::new(key.clone(), value, metadata)
    });
    Some(members.collect())
}

/// Valid properties, encoded and joined with `;`.
fn properties_text(metadata: &str) -> String {
    let mut list = OutgoingBaggage::before(SentryMembers::default());
    list.push_properties(metadata, encode);
    list.list.trim_start_matches(';').to_owned()
}
