//! The attributes of an element, and the addresses in them.

use quick_xml::events::BytesStart;
use url::Url;

use super::construct::Entities;

/// The attributes of one start tag; names in lower case.
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Takes a start tag's attributes, leniently: quotes and values may be missing.
    pub fn of(start: &BytesStart<'_>, entities: &Entities) -> Self {
        Self(
            start
                .html_attributes()
                .with_checks(false)
                .flatten()
                .map(|attribute| (attribute.key.as_ref().to_ascii_lowercase(), entities.unescape(&attribute.value).trim().to_owned()))
                .collect(),
        )
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A value that says something, trimmed.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Present, though perhaps empty.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// By local name, whatever the prefix.
    pub fn local(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.rsplit(':').next() == Some(name))
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The element's address, by any of the names that it has.
    pub fn address(&self) -> Option<&str> {
        self.get("url").or_else(|| self.get("uri")).or_else(|| self.get("href"))
    }
}

/// An address made absolute; as it stands where it cannot be.
pub fn absolute(base: &Url, address: &str) -> Option<String> {
    let address = address.trim();
    if address.is_empty() {
        return None;
    }
    Some(base.join(address).map_or_else(|_| address.to_owned(), String::from))
}
