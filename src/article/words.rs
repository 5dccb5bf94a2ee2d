//! How long a text is: words, and the minutes that reading takes.
//!
//! Han, Thai and their like are written without spaces: there each character counts, and a reader's speed is
//! given in characters a minute.

use unicode_normalization::char::is_combining_mark;

/// Characters of scripts without spaces that are read in a minute.
const CHARACTERS_A_MINUTE: u64 = 500;

/// The length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// Runs between white space that hold a letter or digit of a script with spaces.
    pub words: u32,
    /// Letters and digits of scripts without spaces.
    pub characters: u32,
}

impl Length {
    /// Both together: the schema's `word_count`.
    pub fn word_count(self) -> u32 {
        self.words.saturating_add(self.characters)
    }

    /// Whole minutes at `speed` words a minute, at least 1.
    pub fn reading_time_minutes(self, speed: u32) -> u32 {
        let speed = u64::from(speed.max(1));
        let effort = u64::from(self.words) * CHARACTERS_A_MINUTE + u64::from(self.characters) * speed;
        u32::try_from(effort.div_ceil(speed * CHARACTERS_A_MINUTE)).unwrap_or(u32::MAX).max(1)
    }
}

/// Measures a text.
pub fn measure(text: &str) -> Length {
    let (mut words, mut characters) = (0_u32, 0_u32);
    let mut in_word = false;
    let mut rest = text;
    while !rest.is_empty() {
        // Most runs are of ASCII, and counted as bytes.
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (plain, other) = rest.split_at(ascii);
        for byte in plain.bytes() {
            let is_letter = byte.is_ascii_alphanumeric();
            words = words.saturating_add(u32::from(is_letter && !in_word));
            in_word = is_letter || (in_word && !matches!(byte, b' ' | b'\t'..=b'\r'));
        }
        let mut rest_of_other = other.chars();
        if let Some(c) = rest_of_other.next() {
            if c.is_whitespace() {
                in_word = false;
            } else if !c.is_alphanumeric() || is_combining_mark(c) {
                // Punctuation and marks are parts of the run that they stand in.
            } else if is_unspaced(c) {
                characters = characters.saturating_add(1);
            } else {
                words = words.saturating_add(u32::from(!in_word));
                in_word = true;
            }
        }
        rest = rest_of_other.as_str();
    }
    Length { words, characters }
}

/// Is a character of a script that is written without spaces between words?
pub fn is_unspaced(c: char) -> bool {
    let code = u32::from(c);
    code >= 0x0e00
        && matches!(code,
            0x0e00..=0x0eff      // Thai, Lao
            | 0x0f00..=0x0fff    // Tibetan
            | 0x1000..=0x109f    // Myanmar
            | 0x1780..=0x17ff    // Khmer
            | 0x1950..=0x19df    // Tai Le, New Tai Lue
            | 0x1a20..=0x1aaf    // Tai Tham
            | 0x1b00..=0x1b7f    // Balinese
            | 0x2e80..=0x2fdf    // radicals
            | 0x3005..=0x3007    // iteration mark, zero
            | 0x3021..=0x3029    // Suzhou numerals
            | 0x3031..=0x3035
            | 0x3038..=0x303c
            | 0x3041..=0x312f    // Hiragana, Katakana, Bopomofo
            | 0x31a0..=0x31bf    // Bopomofo
            | 0x31f0..=0x31ff    // Katakana
            | 0x3400..=0x4dbf    // Han
            | 0x4e00..=0x9fff
            | 0xa000..=0xa4cf    // Yi
            | 0xa980..=0xa9ff    // Javanese, Myanmar
            | 0xaa60..=0xaadf    // Myanmar, Tai Viet
            | 0xf900..=0xfaff    // Han
            | 0xff66..=0xff9f    // Katakana, half width
            | 0x1aff0..=0x1b16f  // Kana
            | 0x20000..=0x3ffff  // Han
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_with_a_letter_or_digit_and_characters_where_there_are_no_spaces() {
        for (text, words, characters) in [
            ("", 0, 0),
            ("One, two — three! ...", 3, 0),
            ("don't re-count 3.5%", 3, 0),
            ("état naïve Ünïcode", 3, 0),
            ("非営利団体は発表した。", 0, 10),
            ("iPhone 16を発売", 2, 3),
            ("มี 3", 1, 1),
            ("한국어 문장", 2, 0),
            ("- item | cell", 2, 0),
        ] {
            assert_eq!(measure(text), Length { words, characters }, "{text}");
        }
    }

    #[test]
    fn reading_time_is_rounded_up_and_at_least_one_minute() {
        for (words, characters, speed, minutes) in [
            (0, 0, 180, 1),
            (1, 0, 180, 1),
            (180, 0, 180, 1),
            (181, 0, 180, 2),
            (386, 0, 180, 3),
            (0, 500, 180, 1),
            (0, 501, 180, 2),
            (90, 250, 180, 1),
            (90, 251, 180, 2),
            (10, 0, 0, 10),
        ] {
            assert_eq!(Length { words, characters }.reading_time_minutes(speed), minutes, "{words} {characters} {speed}");
        }
    }
}
