//! A farm of feeds, the same at every run: 60 % RSS 2.0, 30 % Atom, 5 % RSS 1.0, 5 % JSON Feed, articles of 300 to 900 words
//! from a vocabulary of Zipf's law, one in ten of them syndicated (under the same page or another, as it stands or edited).

use std::fmt::Write as _;

use crate::random::Random;

/// A document as it is served.
pub struct Document {
    /// Of its URL.
    pub path: String,
    /// Media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub body: String,
}

impl Random {
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }
}

struct Writer {
    random: Random,
    words: Vec<String>,
    /// Of the words up to each: how often they are used.
    weights: Vec<f64>,
}

/// Every third word, more or less, is one of these.
const GRAMMAR: &str = "the of and to in a is that for it as was with on by at from are this be have an which or not but";

impl Writer {
    fn new() -> Self {
        let mut random = Random(7);
        let syllables: Vec<String> =
            "bcdfghlmnprstvwz".chars().flat_map(|consonant| "aeiou".chars().map(move |vowel| format!("{consonant}{vowel}"))).collect();
        let mut words: Vec<String> = (0..5_000)
            .map(|_| {
                let ending = ["", "n", "s", "r", "l", "t"][random.below(6)];
                let length = random.between(1, 4);
                (0..length).map(|_| syllables[random.below(syllables.len())].as_str()).collect::<String>() + ending
            })
            .collect();
        words.sort();
        words.dedup();
        for at in (1..words.len()).rev() {
            words.swap(at, random.below(at + 1));
        }
        let mut sum = 0.0;
        let weights = (0..words.len())
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 2.7);
                sum
            })
            .collect();
        Self { random, words, weights }
    }

    fn words(&mut self, count: usize) -> Vec<String> {
        let grammar: Vec<&str> = GRAMMAR.split(' ').collect();
        (0..count)
            .map(|at| {
                if at % 3 == 0 && self.random.below(10) < 7 {
                    return grammar[self.random.below(grammar.len())].to_owned();
                }
                let all = self.weights.last().copied().unwrap_or(1.0);
                let wanted = all * (self.random.next() >> 11) as f64 / (1_u64 << 53) as f64;
                let rank = self.weights.partition_point(|sum| *sum < wanted);
                self.words[rank.min(self.words.len() - 1)].clone()
            })
            .collect()
    }

    fn paragraph(&mut self, count: usize) -> String {
        let words = self.words(count);
        let mut sentences = Vec::new();
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let (sentence, after) = rest.split_at(self.random.between(8, 22).min(rest.len()));
            sentences.push(capital(&sentence.join(" ")) + ".");
            rest = after;
        }
        sentences.join(" ")
    }

    fn article(&mut self, feed: usize, number: usize) -> Article {
        let count = self.random.between(6, 12);
        let title = self.words(count).iter().map(|word| capital(word)).collect::<Vec<_>>().join(" ");
        let mut left = self.random.between(300, 900);
        let mut paragraphs = Vec::new();
        while left > 0 {
            let count = self.random.between(30, 90).min(left);
            paragraphs.push(self.paragraph(count));
            left -= count;
        }
        Article {
            title,
            author: self.words(2).iter().map(|word| capital(word)).collect::<Vec<_>>().join(" "),
            minute: self.random.below(20 * 1_440),
            link: format!("https://site{feed}.example/news/{number}"),
            guid: format!("tag:site{feed}.example,2026:{number}"),
            paragraphs,
        }
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
}

#[derive(Clone)]
struct Article {
    title: String,
    author: String,
    minute: usize,
    link: String,
    guid: String,
    paragraphs: Vec<String>,
}

impl Article {
    fn date(&self) -> String {
        format!("2026-11-{:02}T{:02}:{:02}:00Z", 1 + self.minute / 1_440, self.minute / 60 % 24, self.minute % 60)
    }

    fn html(&self) -> String {
        let mut html: Vec<String> =
            self.paragraphs.iter().map(|text| format!("<p>{}</p>", text.replacen(" the ", " <em>the</em> ", 1))).collect();
        let number = self.minute;
        html.insert(html.len() / 2, format!("<p><img src=\"/img/{number}.jpg\" alt=\"picture\"> <a href=\"/more/{number}\">more</a></p>"));
        html.join("\n")
    }

    fn summary(&self) -> &str {
        self.paragraphs.first().map(|text| &text[..text.len().min(200)]).unwrap_or_default()
    }
}

/// The documents of so many feeds with so many entries each.
pub fn documents(feeds: usize, entries: usize) -> Vec<Document> {
    let mut writer = Writer::new();
    let mut waiting: Vec<(usize, Article)> = Vec::new();
    (0..feeds)
        .map(|feed| {
            let mut articles: Vec<Article> =
                waiting.extract_if(.., |(to, _)| *to == feed).map(|(_, article)| article).take(entries).collect();
            while articles.len() < entries {
                let article = writer.article(feed, articles.len());
                if writer.random.below(20) == 0 {
                    for to in [feed + writer.random.between(1, 20), feed + writer.random.between(21, 40)] {
                        let mut copy = Article { guid: format!("urn:{feed}:{to}:{}", articles.len()), ..article.clone() };
                        if writer.random.below(10) < 7 {
                            let _ = write!(copy.link, "?utm_source=feed{to}&utm_medium=rss");
                        } else {
                            copy.link = format!("https://site{to}.example/wire/{feed}-{}", articles.len());
                            copy.paragraphs.insert(0, writer.paragraph(12));
                        }
                        waiting.push((to, copy));
                    }
                }
                articles.push(article);
            }
            document(feed, &articles)
        })
        .collect()
}

fn document(feed: usize, articles: &[Article]) -> Document {
    let site = format!("https://site{feed}.example/");
    let (path, media_type, body) = match feed % 20 {
        0..12 => (format!("/{feed}.xml"), "application/rss+xml", rss(feed, &site, articles)),
        12..18 => (format!("/{feed}.atom"), "application/atom+xml", atom(feed, &site, articles)),
        18 => (format!("/{feed}.rdf"), "application/rdf+xml", rdf(feed, &site, articles)),
        _ => (format!("/{feed}.json"), "application/feed+json", json(feed, &site, articles)),
    };
    Document { path, media_type, body }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn rss(feed: usize, site: &str, articles: &[Article]) -> String {
    let mut document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel><title>Site {feed}</title><link>{site}</link>\
         <description>News of site {feed}</description><language>en</language><copyright>Copyright 2026 Site {feed}</copyright>"
    );
    for article in articles {
        let date = chrono::DateTime::parse_from_rfc3339(&article.date()).map(|date| date.to_rfc2822()).unwrap_or_default();
        let _ = write!(
            document,
            "\n<item><title>{}</title><link>{}</link><guid isPermaLink=\"false\">{}</guid><pubDate>{date}</pubDate>\
             <dc:creator>{}</dc:creator><category>world</category><description>{}</description>\
             <content:encoded><![CDATA[{}]]></content:encoded></item>",
            article.title,
            escaped(&article.link),
            article.guid,
            article.author,
            article.summary(),
            article.html()
        );
    }
    document + "</channel></rss>"
}

fn atom(feed: usize, site: &str, articles: &[Article]) -> String {
    let mut document = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Site {feed}</title>\
         <link href=\"{site}\"/><id>{site}</id><updated>2026-11-21T00:00:00Z</updated><rights>Copyright 2026 Site {feed}</rights>"
    );
    for article in articles {
        let date = article.date();
        let _ = write!(
            document,
            "\n<entry><title>{}</title><link rel=\"alternate\" href=\"{}\"/><id>{}</id><published>{date}</published><updated>{date}</updated>\
             <author><name>{}</name></author><category term=\"world\"/><summary>{}</summary><content type=\"html\">{}</content></entry>",
            article.title,
            escaped(&article.link),
            article.guid,
            article.author,
            article.summary(),
            escaped(&article.html())
        );
    }
    document + "</feed>"
}

fn rdf(feed: usize, site: &str, articles: &[Article]) -> String {
    let mut document = format!(
        "<?xml version=\"1.0\"?>\n<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\">\
         <channel rdf:about=\"{site}\"><title>Site {feed}</title><link>{site}</link><description>News</description></channel>"
    );
    for article in articles {
        let link = escaped(&article.link);
        let _ = write!(
            document,
            "\n<item rdf:about=\"{link}\"><title>{}</title><link>{link}</link><dc:date>{}</dc:date><dc:creator>{}</dc:creator>\
             <description>{}</description><content:encoded>{}</content:encoded></item>",
            article.title,
            article.date(),
            article.author,
            article.summary(),
            escaped(&article.html())
        );
    }
    document + "</rdf:RDF>"
}

fn json(feed: usize, site: &str, articles: &[Article]) -> String {
    let items: Vec<serde_json::Value> = articles
        .iter()
        .map(|article| {
            serde_json::json!({
                "id": article.guid, "url": article.link, "title": article.title, "content_html": article.html(), "summary": article.summary(),
                "date_published": article.date(), "authors": [{"name": article.author}], "tags": ["world"],
            })
        })
        .collect();
    serde_json::json!({
        "version": "https://jsonfeed.org/version/1.1", "title": format!("Site {feed}"), "home_page_url": site, "items": items,
    })
    .to_string()
}
