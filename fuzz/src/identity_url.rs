//! Any text as an address.

use gleaner::article::url::permalink;
use gleaner::identity::{IdentityUrl, Site};
use url::Url;

/// Identity URLs and permalinks are idempotent, and what must not tell pages apart does not.
pub fn check(data: &[u8]) {
    let address = String::from_utf8_lossy(data);
    // Neither may mind what is no address at all.
    let _ = (Site::of(&address), Site::of_guid(&address));
    let identity = IdentityUrl::of(&address);
    let Ok(url) = Url::parse(address.trim()) else { return assert_eq!(identity, None, "{address:?} is no URL") };
    let link = permalink(&url);
    assert_eq!(permalink(&link), link, "the permalink of a permalink of {address:?}");
    assert_eq!(Url::parse(link.as_str()).as_ref(), Ok(&link), "a permalink of {address:?} that cannot be read again");
    assert_eq!(IdentityUrl::of(link.as_str()), identity, "the permalink of {address:?} is another page");
    let Some(identity) = identity else { return };
    let again = |address: String, what: &str| assert_eq!(IdentityUrl::of(&address), Some(identity.clone()), "{what}: {address:?}");
    again(format!("https://{identity}"), "itself");
    again(format!("http://{identity}"), "without TLS");
    again(format!("https://{identity}#part"), "a part of it");
    again(format!("https://{identity}{}utm_source=feed", if identity.as_str().contains('?') { '&' } else { '?' }), "from a newsletter");
    assert!(!identity.host().is_empty() && identity.as_str().starts_with(identity.host()), "the host of {identity}");
    assert!(!identity.is_root() || !identity.as_str().contains(['/', '?']), "the root {identity}");
}
