//! How a request proves whom it is from: HMAC-SHA256 over id, time and body, as the Standard Webhooks specification has it, so
//! that receivers can verify with a library that exists.
//!
//! The time is signed so that a request that somebody recorded cannot be sent again years later.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How the specification marks a key that is written in base64.
const PREFIX: &[u8] = b"whsec_";

/// The keys of a webhook. Several sign side by side, so that a receiver can change over from one to the next. `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<Vec<u8>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} keys)", self.0.len())
    }
}

/// Why the content of a secret's file is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No line holds anything.
    #[error("it is empty; a key for it comes of: echo whsec_$(openssl rand -base64 32)")]
    Empty,
    /// What follows `whsec_` is broken.
    #[error("what follows `whsec_` is not base64, or nothing")]
    NotBase64,
}

impl Secrets {
    /// Of a file's content: a key a line. After `whsec_` a key is written in base64; any other line is the key itself, byte for
    /// byte.
    ///
    /// # Errors
    /// A [`SecretError`].
    pub fn parse(content: &[u8]) -> Result<Self, SecretError> {
        let lines = content.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let keys = lines.filter(|line| !line.trim_ascii().is_empty()).map(|line| match line.trim_ascii().strip_prefix(PREFIX) {
            Some(encoded) => BASE64.decode(encoded).ok().filter(|key| !key.is_empty()).ok_or(SecretError::NotBase64),
            None => Ok(line.to_owned()),
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(SecretError::Empty) } else { Ok(Self(keys)) }
    }

    /// `webhook-signature`: one for each key, with a space between them. `timestamp` is `webhook-timestamp`, seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed_by = |key: &Vec<u8>| {
            // A key of any length is one (RFC 2104 §2), so this is `Some`.
            let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            Some(format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes())))
        };
        self.0.iter().filter_map(signed_by).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the vector in the specification's own libraries.
    #[test]
    fn the_specification_s_own_example_comes_out() {
        let secrets = Secrets::parse(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// Blank lines count for nothing, and a key may be longer than a block of SHA-256.
    #[test]
    fn any_line_is_a_key_and_several_sign_side_by_side() {
        let long = "k".repeat(200);
        let both = Secrets::parse(format!("plain\r\n\n{long}\n").as_bytes()).unwrap().sign("a", 1, b"x");
        let of = |key: &str| Secrets::parse(key.as_bytes()).unwrap().sign("a", 1, b"x");
        assert_eq!(both, format!("{} {}", of("plain"), of(&long)));
    }

    #[test]
    fn what_is_no_key_is_refused_and_never_shown() {
        for (content, error) in [
            ("", SecretError::Empty),
            (" \r\n\n", SecretError::Empty),
            ("whsec_", SecretError::NotBase64),
            ("whsec_sesame!", SecretError::NotBase64),
        ] {
            assert_eq!(Secrets::parse(content.as_bytes()), Err(error), "{content:?}");
        }
        assert!(!format!("{:?}", Secrets::parse(b"sesame")).contains("sesame"));
    }
}
