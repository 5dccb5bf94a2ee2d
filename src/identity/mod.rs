//! Which article an entry is: keys, what each key is worth, and ids.
//!
//! Two ideas are kept apart. Identity is certain and permanent: this entry is that article. Copies are found by
//! comparison ([`crate::copies`]) and never change an identity. A feed knows its own entries again by guid, identity
//! URL or text; feeds meet only through equal ids. So what an entry becomes depends on the entry and on what its own
//! feed showed before, never on other feeds, and the order in which feeds are polled changes nothing.
//!
//! Everything here is computed from the entry as it was parsed, not from the sanitised draft: better rules of
//! sanitising must never change who an entry is.

mod id;
mod keys;
mod site;
mod url;
mod words;

pub use self::id::{ArticleId, IdKind};
pub use self::keys::{EntryKeys, Key, KeyKind, first_bits, is_global_guid};
pub use self::site::Site;
pub use self::url::IdentityUrl;
pub use self::words::{Words, fold, plain, word_count};
