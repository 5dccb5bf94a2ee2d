//! What the made-up stories draw from.

#[path = "../random/mod.rs"]
mod seeded;

pub use seeded::Random;

impl Random {
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A rank below `end`, as frequent as words of that rank are (Zipf's law, exponent near 1).
    pub fn zipf(&mut self, end: usize) -> usize {
        ((((end as f64 + 1.0).ln() * self.unit()).exp() - 1.0) as usize).min(end - 1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
