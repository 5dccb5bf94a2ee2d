//! Character sets of seven bits that switch by escape sequences: the ISO 2022 family, HZ and UTF-7.
//!
//! Browsers dropped most of them because mark-up can hide in them from a filter that looks at the bytes. Here they are decoded
//! before anything looks at mark-up, and only where a document declares them.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK};

/// A character set that switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SevenBit {
    /// ISO-2022-JP and its extensions (RFC 1468, RFC 1554, RFC 2237), ISO-2022-KR (RFC 1557).
    Iso2022,
    /// HZ (RFC 1843).
    Hz,
    /// UTF-7 (RFC 2152).
    Utf7,
}

impl SevenBit {
    /// By label. ISO-2022-JP itself is one of the Encoding Standard and not meant here.
    pub fn for_label(label: &str) -> Option<Self> {
        let label: String = label.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match label.as_str() {
            "iso2022jp1" | "iso2022jp2" | "iso2022jp3" | "iso2022jp2004" | "iso2022jpext" | "csiso2022jp2" | "iso2022kr"
            | "csiso2022kr" => Some(Self::Iso2022),
            "hz" | "hzgb" | "hzgb2312" => Some(Self::Hz),
            "utf7" | "u7" | "unicode11utf7" | "csunicode11utf7" => Some(Self::Utf7),
            _ => None,
        }
    }

    /// Decodes; `None` where the bytes are not of this set.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        if !bytes.is_ascii() {
            return None;
        }
        match self {
            Self::Iso2022 => iso2022(bytes),
            Self::Hz => hz(bytes),
            Self::Utf7 => utf7(bytes),
        }
    }
}

/// What the bytes of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    /// JIS X 0208, or plane 1 of JIS X 0213.
    Jis,
    /// JIS X 0212.
    JisSupplement,
    Katakana,
    Gb,
    Korean,
}

impl Set {
    /// Decodes a run by the encoding that has its characters with the eighth bit set.
    fn push(self, run: &[u8], out: &mut String) -> Option<()> {
        let (encoding, prefix, width): (&'static Encoding, Option<u8>, usize) = match self {
            Self::Ascii => {
                out.push_str(std::str::from_utf8(run).ok()?);
                return Some(());
            }
            Self::Jis => (EUC_JP, None, 2),
            Self::JisSupplement => (EUC_JP, Some(0x8f), 2),
            Self::Katakana => (EUC_JP, Some(0x8e), 1),
            Self::Gb => (GBK, None, 2),
            Self::Korean => (EUC_KR, None, 2),
        };
        let mut eight_bit = Vec::with_capacity(run.len() * 2);
        let mut rest = run;
        while let Some((first, after)) = rest.split_first() {
            // Line ends stand between the characters.
            if *first <= b' ' || rest.len() < width {
                eight_bit.push(*first);
                rest = after;
                continue;
            }
            let (character, after) = rest.split_at(width);
            eight_bit.extend(prefix);
            eight_bit.extend(character.iter().map(|byte| byte | 0x80));
            rest = after;
        }
        out.push_str(&encoding.decode_without_bom_handling(&eight_bit).0);
        Some(())
    }
}

/// Designations, longest first.
const DESIGNATIONS: &[(&[u8], Set)] = &[
    (b"\x1b$(D", Set::JisSupplement),
    (b"\x1b$(B", Set::Jis),
    (b"\x1b$(O", Set::Jis),
    (b"\x1b$(Q", Set::Jis),
    (b"\x1b$(C", Set::Korean),
    (b"\x1b$@", Set::Jis),
    (b"\x1b$B", Set::Jis),
    (b"\x1b$A", Set::Gb),
    (b"\x1b(I", Set::Katakana),
    (b"\x1b(B", Set::Ascii),
    (b"\x1b(J", Set::Ascii),
];

fn iso2022(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut set = Set::Ascii;
    let mut rest = bytes;
    loop {
        let run = rest.iter().take_while(|byte| !matches!(byte, 0x1b | 0x0e | 0x0f)).count();
        let (run, switch) = rest.split_at(run);
        set.push(run, &mut out)?;
        let Some((first, after)) = switch.split_first() else { return Some(out) };
        if let Some((sequence, designated)) = DESIGNATIONS.iter().find(|(sequence, _)| switch.starts_with(sequence)) {
            set = *designated;
            rest = switch.get(sequence.len()..)?;
        } else if let Some(after) = switch.strip_prefix(b"\x1b$)C") {
            // The header of ISO-2022-KR: what shifting out will mean.
            rest = after;
        } else {
            match first {
                0x0e => set = Set::Korean,
                0x0f => set = Set::Ascii,
                _ => return None,
            }
            rest = after;
        }
    }
}

fn hz(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut set = Set::Ascii;
    let mut rest = bytes;
    loop {
        let run = rest.iter().take_while(|byte| **byte != b'~').count();
        let (run, switch) = rest.split_at(run);
        set.push(run, &mut out)?;
        rest = match switch {
            [b'~', b'{', rest @ ..] => {
                set = Set::Gb;
                rest
            }
            [b'~', b'}', rest @ ..] => {
                set = Set::Ascii;
                rest
            }
            [b'~', b'~', rest @ ..] => {
                out.push('~');
                rest
            }
            [b'~', b'\n', rest @ ..] => rest,
            [b'~', rest @ ..] => {
                out.push('~');
                rest
            }
            _ => return Some(out),
        };
    }
}

fn utf7(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = std::str::from_utf8(bytes).ok()?;
    while let Some(at) = rest.find('+') {
        let (before, shifted) = rest.split_at(at);
        out.push_str(before);
        let shifted = shifted.get(1..)?;
        let length = shifted.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
        let (run, after) = shifted.split_at(length);
        if run.is_empty() {
            out.push('+');
        } else {
            // The last character may hold bits that mean nothing.
            let bits = run.bytes().filter_map(base64_value).flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1 == 1));
            let bits: Vec<bool> = bits.collect();
            let (units, _) = bits.as_chunks::<16>();
            let units = units.iter().map(|unit| unit.iter().fold(0u16, |sum, bit| sum << 1 | u16::from(*bit)));
            out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        rest = after.strip_prefix('-').unwrap_or(after);
    }
    out.push_str(rest);
    Some(out)
}

fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_decodes_what_its_specification_shows() {
        for (label, bytes, want) in [
            ("hz-gb-2312", &b"a ~{<:Ky2;~} ~~ b"[..], Some("a 己所不 ~ b")),
            ("iso-2022-kr", b"\x1b$)C x \x0eGQ1[\x0f y", Some(" x 한글 y")),
            ("iso-2022-jp-2", b"\x1b$BF|K\\\x1b(B ok", Some("日本 ok")),
            ("iso-2022-jp-1", b"caf\x1b$(D+1\x1b(B", Some("café")),
            ("iso-2022-jp-ext", b"\x1b(I1\x1b(B", Some("ｱ")),
            ("utf-7", b"A+ImIDkQ.", Some("A\u{2262}\u{391}.")),
            ("utf-7", b"caf+AOk- 1 +- 1", Some("café 1 + 1")),
            ("utf-7", b"caf\xe9", None),
            ("iso-2022-kr", b"\x1bX", None),
        ] {
            assert_eq!(SevenBit::for_label(label).unwrap().decode(bytes).as_deref(), want, "{label}");
        }
        assert_eq!(SevenBit::for_label("iso-2022-jp"), None);
    }
}
