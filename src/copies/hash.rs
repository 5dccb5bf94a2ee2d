//! Hashes that are kept in the archive: the same in every version and on every machine, unlike those of hash maps.
//!
//! They only have to spread: nobody gains by making two texts look alike here, for the worst that follows is a wrong
//! likeness.

/// A token's hash: eight bytes at a time, which for most words is once.
pub fn of_token(token: &str) -> u64 {
    let eat = |hash: u64, bytes: &[u8]| {
        let word = bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    };
    mix(token.as_bytes().chunks(8).fold(token.len() as u64, eat))
}

/// Every bit of the result depends on every bit of the input (the finaliser of MurmurHash3).
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}
