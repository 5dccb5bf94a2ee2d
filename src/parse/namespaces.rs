//! Which namespace a prefix means where an element stands (Namespaces in XML 1.0, but forgiving).
//!
//! Kept by hand, since a feed must not be lost for what an XML library refuses: a prefix that was never declared, a
//! reserved name that was declared again, declarations or nesting without end.

use super::attributes::Attributes;
use super::dialect::Namespace;

/// More declarations in force than any document has.
const MAX_BINDINGS: usize = 1024;
/// More prefixes than anyone would want to read in warnings.
const MAX_REPORTED: usize = 16;

struct Binding {
    /// The depth of the element that declares it.
    depth: usize,
    /// Lower case; empty for the default namespace.
    prefix: String,
    namespace: Namespace,
}

/// The declarations in force.
#[derive(Default)]
pub struct Namespaces {
    bindings: Vec<Binding>,
    undeclared: Vec<String>,
}

impl Namespaces {
    /// Takes over what an element at this depth declares.
    pub fn enter(&mut self, depth: usize, attributes: &Attributes) {
        for (name, value) in attributes.iter() {
            let Some(rest) = name.strip_prefix("xmlns") else { continue };
            let prefix = match rest.strip_prefix(':') {
                Some(prefix) => prefix,
                None if rest.is_empty() => "",
                None => continue,
            };
            if self.bindings.len() < MAX_BINDINGS {
                let namespace = Namespace::of_name(value, Some(prefix).filter(|prefix| !prefix.is_empty()));
                self.bindings.push(Binding { depth, prefix: prefix.to_owned(), namespace });
            }
        }
    }

    /// Forgets what elements deeper than this declared.
    pub fn leave(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|binding| binding.depth > depth) {
            self.bindings.pop();
        }
    }

    /// What a prefix means here; what it means by custom where nobody declared it.
    pub fn resolve(&mut self, prefix: Option<&str>) -> Namespace {
        let wanted = prefix.unwrap_or_default();
        if let Some(binding) = self.bindings.iter().rev().find(|binding| binding.prefix.eq_ignore_ascii_case(wanted)) {
            return binding.namespace;
        }
        let Some(prefix) = prefix else { return Namespace::Core };
        if self.undeclared.len() < MAX_REPORTED && !self.undeclared.iter().any(|known| known == prefix) {
            self.undeclared.push(prefix.to_owned());
        }
        Namespace::of_prefix(prefix)
    }

    /// The prefixes that were never declared.
    pub fn into_undeclared(self) -> Vec<String> {
        self.undeclared
    }
}
