//! A rebuild: every article made again, by the rules and settings of today, from the entries and pages that were kept.
//!
//! Nothing is asked of any server. Articles are made on all processors, each thread with a connection of its own, while the writer
//! writes those that were made before; then copies and similar posts are found anew, in the order in which the articles
//! came. What no rule may change stays: ids, keys, sightings, revisions. Doing it twice changes nothing the second time.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::article::Draft;
use crate::config;
use crate::copies::CopySettings;
use crate::decide::ArticleRef;
use crate::extract::SiteRule;
use crate::identity::first_bits;
use crate::normalise::{self, NormaliseSettings, RULES_VERSION};
use crate::page;
use crate::store::{Archive, KeptEntry, KeptPage, Reader, RebuildState, RebuildTally, Remade, RemadePage, Rules, StoreError};

/// So many articles are made by one thread before the writer gets them.
const EACH: usize = 100;

/// What a rebuild depends on beside the archive.
#[derive(Debug, Clone)]
pub struct RebuildSettings {
    reading_speed: u32,
    /// The language that the operator gave, by feed.
    languages: HashMap<String, String>,
    site_rules: Arc<[SiteRule]>,
    copies: CopySettings,
}

impl From<&config::Config> for RebuildSettings {
    fn from(config: &config::Config) -> Self {
        Self {
            reading_speed: config.articles.reading_speed,
            languages: config.feeds.iter().filter_map(|feed| Some((feed.name.clone(), feed.language.clone()?))).collect(),
            site_rules: config.site_rules.clone().into(),
            copies: CopySettings { near_copies: config.articles.near_copies, similar: config.articles.similar },
        }
    }
}

impl RebuildSettings {
    /// Stands for the rules and settings: articles that were made by others are not half of a rebuild by these.
    fn fingerprint(&self) -> i64 {
        let mut languages: Vec<_> = self.languages.iter().collect();
        languages.sort();
        first_bits(&Sha256::digest(format!("{RULES_VERSION} {} {languages:?} {:?}", self.reading_speed, self.site_rules)))
    }
}

impl Rules for RebuildSettings {
    fn draft(&self, kept: &KeptEntry<'_>) -> Draft {
        let settings = NormaliseSettings {
            reading_speed: self.reading_speed,
            feed_language: self.languages.get(kept.feed).cloned(),
            now: kept.read_at,
        };
        normalise::normalise(kept.entry, kept.head, &settings).0
    }

    fn page(&self, kept: &KeptPage<'_>) -> RemadePage {
        page::read_again(kept, &self.site_rules, self.reading_speed)
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Articles are made again.
    Making,
    /// They are compared with one another.
    Comparing,
    /// All is done.
    Done,
}

impl Stage {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Comparing => "comparing",
            Self::Done => "done",
        }
    }
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildLine {
    /// What is being done.
    pub stage: Stage,
    /// With so many articles.
    pub done: u64,
    /// Of so many; polls may bring more meanwhile.
    pub of: u64,
    /// Does it go on where an earlier one was interrupted?
    pub is_resumed: bool,
    /// What came of making them.
    pub tally: RebuildTally,
}

impl RebuildLine {
    /// One line in the log.
    pub fn log(&self) {
        let Self { done, of, is_resumed, .. } = self;
        let RebuildTally { articles, changed, without_entry, unreadable } = self.tally;
        match self.stage {
            Stage::Done => tracing::info!(articles, changed, without_entry, unreadable, "rebuilt"),
            stage => tracing::debug!(stage = stage.words(), done, of, is_resumed, "rebuilding"),
        }
    }
}

/// Makes every article of the archive again; `tell` hears how far it has come, and at last that all is done.
///
/// # Errors
/// A [`StoreError`]; what was done until then stays, and the next rebuild by the same rules and settings goes on there.
pub async fn rebuild(archive: &Archive, settings: RebuildSettings, mut tell: impl FnMut(&RebuildLine)) -> Result<(), StoreError> {
    let now = Utc::now().trunc_subsecs(3);
    let RebuildState { after, mut tally, is_resumed } = archive.begin_rebuild(settings.fingerprint()).await?;
    let of = archive.reader()?.article_count()?;
    let copies = settings.copies;
    let rules: Arc<dyn Rules> = Arc::new(settings);
    let line = |stage, done, tally| RebuildLine { stage, done, of, is_resumed, tally };
    tell(&line(Stage::Making, tally.articles, tally));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut readers = (0..threads).map(|_| archive.reader()).collect::<Result<Vec<_>, _>>()?;
    let mut made;
    let mut last = after;
    (readers, made) = remake(readers, last, Arc::clone(&rules)).await?;
    while let Some(end) = made.last().map(Remade::article) {
        last = end;
        // The next are made while these are written.
        let next = tokio::spawn(remake(readers, last, Arc::clone(&rules)));
        tally = archive.commit_remade(made, Arc::clone(&rules), now).await?;
        tell(&line(Stage::Making, tally.articles, tally));
        (readers, made) = next.await.unwrap_or(Err(StoreError::Closed))?;
    }
    drop(readers);
    archive.compare_anew(copies, now, |compared| tell(&line(Stage::Comparing, compared, tally))).await?;
    archive.end_rebuild().await?;
    tell(&line(Stage::Done, tally.articles, tally));
    Ok(())
}

/// Makes the articles that follow one, some by each reader.
async fn remake(readers: Vec<Reader>, after: ArticleRef, rules: Arc<dyn Rules>) -> Result<(Vec<Reader>, Vec<Remade>), StoreError> {
    let most = EACH * readers.len();
    let (readers, articles) = tokio::task::spawn_blocking(move || {
        let articles = readers.first().map_or(Ok(Vec::new()), |reader| reader.articles_after(after, most))?;
        Ok::<_, StoreError>((readers, articles))
    })
    .await
    .unwrap_or(Err(StoreError::Closed))?;
    let each = articles.len().div_ceil(readers.len().max(1)).max(1);
    let mut parts = articles.chunks(each).map(<[ArticleRef]>::to_vec);
    let mut making = JoinSet::new();
    for (at, reader) in readers.into_iter().enumerate() {
        let (part, rules) = (parts.next().unwrap_or_default(), Arc::clone(&rules));
        making.spawn_blocking(move || {
            let made = reader.remake(&part, rules.as_ref())?;
            Ok::<_, StoreError>((at, reader, made))
        });
    }
    let mut ended = Vec::with_capacity(making.len());
    while let Some(part) = making.join_next().await {
        ended.push(part.unwrap_or(Err(StoreError::Closed))?);
    }
    ended.sort_by_key(|(at, ..)| *at);
    let (mut readers, mut remade) = (Vec::with_capacity(ended.len()), Vec::with_capacity(articles.len()));
    for (_, reader, made) in ended {
        readers.push(reader);
        remade.extend(made);
    }
    Ok((readers, remade))
}
