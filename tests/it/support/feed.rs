//! Feed documents for tests: RSS items that say exactly what a test means, and no more.

/// An entry of a feed.
#[derive(Debug, Clone, Default)]
pub struct Item {
    elements: Vec<String>,
}

impl Item {
    /// With a title alone.
    pub fn titled(title: &str) -> Item {
        Item::default().element("title", title)
    }

    /// The story of this number under a title, guid, link and date of its own: an entry as a decent feed has it.
    pub fn story(number: u32) -> Item {
        Item::titled(&format!("Story {number}"))
            .guid(&format!("story-{number}"))
            .link(&format!("https://paper.example/stories/{number}"))
            .date(&date(number))
            .body(&words(number, 80))
    }

    /// One more element with this text.
    pub fn element(mut self, name: &str, text: &str) -> Item {
        self.elements.push(format!("<{name}>{}</{name}>", escaped(text)));
        self
    }

    /// One more element as it stands.
    pub fn raw(mut self, xml: &str) -> Item {
        self.elements.push(xml.to_owned());
        self
    }

    /// The same without the elements of this name.
    pub fn without(mut self, name: &str) -> Item {
        self.elements.retain(|element| !element.starts_with(&format!("<{name}>")) && !element.starts_with(&format!("<{name} ")));
        self
    }

    /// A guid that is no permalink.
    pub fn guid(self, guid: &str) -> Item {
        self.without("guid").raw(&format!("<guid isPermaLink=\"false\">{}</guid>", escaped(guid)))
    }

    pub fn title(self, title: &str) -> Item {
        self.without("title").element("title", title)
    }

    pub fn link(self, link: &str) -> Item {
        self.without("link").element("link", link)
    }

    pub fn date(self, date: &str) -> Item {
        self.without("pubDate").element("pubDate", date)
    }

    pub fn body(self, body: &str) -> Item {
        self.without("description").element("description", body)
    }

    pub fn category(self, category: &str) -> Item {
        self.element("category", category)
    }
}

/// An RSS 2.0 document of the paper at `https://paper.example/`.
pub fn rss<'a>(items: impl IntoIterator<Item = &'a Item>) -> String {
    rss_of("The Paper", "https://paper.example/", items)
}

/// … of another publisher.
pub fn rss_of<'a>(title: &str, home: &str, items: impl IntoIterator<Item = &'a Item>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| format!("<item>{}</item>", item.elements.concat())).collect();
    let (title, home, items) = (escaped(title), escaped(home), items.join("\n"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>{title}</title><link>{home}</link>\
         <description>News</description>\n{items}\n</channel></rss>\n"
    )
}

/// The stories of these numbers, the latest first.
pub fn stories(numbers: std::ops::RangeInclusive<u32>) -> String {
    let items: Vec<Item> = numbers.rev().map(Item::story).collect();
    rss(&items)
}

/// A date in March 2024, later for a larger number.
pub fn date(number: u32) -> String {
    format!("{:02} Mar 2024 {:02}:{:02}:00 GMT", 1 + number / 1_440 % 28, number / 60 % 24, number % 60)
}

/// So many words that no other number gives in this order: two of them share hardly a run of three.
pub fn words(number: u32, count: usize) -> String {
    const WORDS: [&str; 64] = [
        "harbour", "council", "bridge", "market", "river", "school", "winter", "ferry", "station", "garden", "engine", "letter", "window",
        "orchard", "village", "tower", "meadow", "lantern", "kitchen", "copper", "timber", "signal", "barrel", "cotton", "island",
        "mirror", "needle", "ribbon", "saddle", "temple", "valley", "anchor", "basket", "candle", "dragon", "evening", "feather",
        "granite", "hammer", "insect", "jacket", "kettle", "ladder", "marble", "napkin", "oyster", "pebble", "quarry", "rocket", "shadow",
        "thunder", "umbrella", "velvet", "walnut", "yellow", "zephyr", "almond", "bottle", "carpet", "desert", "elbow", "forest", "goblin",
        "hollow",
    ];
    // A linear congruential generator (the constants of Numerical Recipes): the same words on every machine.
    let mut state = number.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let words: Vec<&str> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            WORDS[(state >> 26) as usize]
        })
        .collect();
    format!("The {}.", words.join(" "))
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
