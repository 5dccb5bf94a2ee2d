-- The archive. Times are milliseconds since 1970 UTC; hashes are the first 64 bits of a SHA-256.
-- A file that was released is never changed: what comes later is a migration of its own.

-- In the transaction of the schema, so that no crash leaves a schema that nobody knows for an archive: "Glnr".
PRAGMA application_id = 1198288498;

CREATE TABLE archive (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  id         TEXT    NOT NULL,  -- a restored backup gets a new one, so that incremental exports notice
  created_at INTEGER NOT NULL,
  change     INTEGER NOT NULL,  -- the last change number given to an article
  articles   INTEGER NOT NULL   -- how many articles are shown: those that were not removed
) STRICT;

INSERT INTO archive (one, id, created_at, change, articles) VALUES (1, lower(hex(randomblob(16))), unixepoch() * 1000, 0, 0);

CREATE TABLE feed (
  feed                 INTEGER PRIMARY KEY,
  name                 TEXT    NOT NULL UNIQUE,     -- the feed's identity
  url                  TEXT    NOT NULL,            -- without credentials; validators belong to it
  given_title          TEXT,                        -- the operator's
  title                TEXT,                        -- the document's own
  site_url             TEXT,
  etag                 BLOB,                        -- validators, byte for byte as received
  last_modified        BLOB,
  document             INTEGER,                     -- hash of the last document's bytes
  documents            INTEGER NOT NULL DEFAULT 0,  -- how many documents brought something else than the one before
  articles             INTEGER NOT NULL DEFAULT 0,  -- articles that this feed has shown
  last_polled_at       INTEGER,
  last_seen_at         INTEGER,                     -- last poll that said what stands in the feed
  next_poll_at         INTEGER,
  next_poll_reason     TEXT,
  http_status          INTEGER,
  last_error           TEXT,
  consecutive_failures INTEGER NOT NULL DEFAULT 0,
  failing_since        INTEGER,
  gone_since           INTEGER,
  redirected_to        TEXT,                        -- where permanent redirects lead …
  redirected_since     INTEGER,                     -- … and since when they do
  own_url_asked_at     INTEGER,                     -- last request to `url` itself: a redirect that held is followed at once
  rhythm               TEXT,                        -- what the schedule remembers, JSON
  request_ms           INTEGER,                     -- how long the last request took
  mended_documents     INTEGER NOT NULL DEFAULT 0,  -- documents that could not be read as they stood
  last_mended          TEXT,                        -- what was mended in the last document, kinds with commas; NULL: nothing
  pages_in_vain        INTEGER NOT NULL DEFAULT 0,  -- how many pages in a row, up to the last, gave no more than its bodies
  page_read_at         INTEGER,                     -- when a page of its entries was last read
  wanted               INTEGER,                     -- hash of the filters and languages by which entries were judged; NULL: there were none
  dropped              INTEGER NOT NULL DEFAULT 0,  -- entries that these have dropped
  covered_since        INTEGER,                     -- the first document's poll
  covered_until        INTEGER,                     -- the last poll at which it was proven that nothing had been missed
  coverage_doubt       TEXT,                        -- why the last document proved nothing, if it did not
  answer_due_at        INTEGER,                     -- next_poll_at as it was after the last answer
  changed_at           INTEGER,                     -- last poll that brought another document than the one before
  verified_at          INTEGER,                     -- last poll that brought a document at all, and no "not modified"
  distrusted_since     INTEGER,                     -- the server answered "not modified" though there was news
  proposed_url         TEXT,                        -- a feed that was found where this one may have moved to
  sought_at            INTEGER,                     -- when it was last looked for …
  searches             INTEGER NOT NULL DEFAULT 0,  -- … and how often since it last answered
  newest_at            INTEGER,                     -- the date of the newest article that it had first …
  longest_gap          INTEGER,                     -- … the longest gap between the newest of these, milliseconds …
  gaps                 INTEGER NOT NULL DEFAULT 0,  -- … and of how many gaps that is the longest
  pages_waiting        INTEGER NOT NULL DEFAULT 0,  -- pages of its entries that are due, now or later …
  pages_failing        INTEGER NOT NULL DEFAULT 0,  -- … of these so many failed before …
  pages_given_up       INTEGER NOT NULL DEFAULT 0   -- … and that were given up: counted by triggers on `page`
) STRICT;

CREATE INDEX feed_redirected ON feed (redirected_to) WHERE redirected_to IS NOT NULL;

-- Times in which no host at all could be reached. They count against no feed.
CREATE TABLE outage (
  began_at INTEGER PRIMARY KEY,
  ended_at INTEGER                                  -- NULL: it goes on
) STRICT;

-- Numbers are never used again: a list of similar posts may still name one that is gone.
CREATE TABLE article (
  article      INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT    NOT NULL UNIQUE,
  identity_url TEXT,              -- of an article whose id was made from its own page
  at           INTEGER NOT NULL,  -- published, else first_seen: the order of exports
  published    INTEGER,
  language     TEXT,
  speaker      INTEGER REFERENCES sighting (sighting) DEFERRABLE INITIALLY DEFERRED,  -- whose draft the article shows
  first_feed   INTEGER NOT NULL REFERENCES feed (feed),
  revision     INTEGER NOT NULL,
  revised_at   INTEGER NOT NULL,  -- when this revision was first seen
  first_seen   INTEGER NOT NULL,
  last_changed INTEGER NOT NULL,
  change       INTEGER NOT NULL,
  copy_key     INTEGER,           -- hash of the normalised text, where it is long enough to be a copy
  duplicate_of INTEGER REFERENCES article (article),
  likeness     INTEGER,           -- of a near copy to what it is a copy of, in thousandths
  removed_at   INTEGER            -- taken out by retention; what is left is by what its feeds know its entries again
) STRICT;

CREATE INDEX article_at ON article (at, id);
CREATE INDEX article_change ON article (change);
CREATE INDEX article_first_feed ON article (first_feed, at, id);
CREATE INDEX article_language ON article (language, at, id) WHERE language IS NOT NULL;
CREATE INDEX article_copy_key ON article (copy_key, published, id) WHERE copy_key IS NOT NULL;
CREATE INDEX article_duplicate_of ON article (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX article_first_seen ON article (first_seen) WHERE removed_at IS NULL;
CREATE INDEX article_removed ON article (removed_at) WHERE removed_at IS NOT NULL;

-- An entry that carried an article: one for each article, feed, guid and url. It is rewritten only when the entry
-- changes, appears or leaves, so a poll that finds nothing new writes nothing here.
CREATE TABLE sighting (
  sighting   INTEGER PRIMARY KEY,
  feed       INTEGER NOT NULL REFERENCES feed (feed),
  article    INTEGER NOT NULL REFERENCES article (article),
  guid       TEXT,
  url        TEXT,
  first_seen INTEGER NOT NULL,
  left_at    INTEGER,             -- the last poll that found it, once it has left its feed
  voice      INTEGER NOT NULL,    -- 1: of this feed's entries of this article, the one that counts
  entry_hash INTEGER NOT NULL,    -- of the entry as it was parsed
  guid_key   INTEGER,
  link_key   INTEGER,
  text_key   INTEGER NOT NULL,
  date       INTEGER,             -- seconds since 1970, as identity compares them
  words      INTEGER NOT NULL,    -- of the body: how full it is
  elsewhere  INTEGER NOT NULL     -- 1: another feed had the article first
) STRICT;

CREATE INDEX sighting_article ON sighting (article, feed);
CREATE INDEX sighting_feed ON sighting (feed, article);
CREATE INDEX sighting_elsewhere ON sighting (feed, article) WHERE elsewhere = 1;
CREATE INDEX sighting_present ON sighting (feed) WHERE left_at IS NULL;

-- What feeds said of themselves (title, home page, language, rights, licence): an entry's draft is made from it, too. Each once, as JSON.
CREATE TABLE feed_head (
  head INTEGER PRIMARY KEY,
  feed INTEGER NOT NULL REFERENCES feed (feed),
  said TEXT    NOT NULL,
  UNIQUE (feed, said)
) STRICT;

-- Apart from its sighting, so that small changes there do not rewrite it.
CREATE TABLE body (
  sighting INTEGER PRIMARY KEY REFERENCES sighting (sighting),
  rules    INTEGER NOT NULL,  -- version of the rules that made the draft
  head     INTEGER NOT NULL REFERENCES feed_head (head),  -- what its feed said of itself in the same document
  read_at  INTEGER,           -- when the entry was read; NULL: when its sighting was first seen
  content  BLOB    NOT NULL   -- packed: what the entry says the article is and, where raw entries are kept, the entry as it was parsed
) STRICT;

-- What `content` and `draft` are packed with, by the number that they name it by. What was packed with one needs it for ever.
CREATE TABLE dictionary (
  dictionary INTEGER PRIMARY KEY,
  made_at    INTEGER NOT NULL,
  content    BLOB    NOT NULL
) STRICT;

CREATE TABLE revision (
  article  INTEGER NOT NULL REFERENCES article (article),
  revision INTEGER NOT NULL,
  seen_at  INTEGER NOT NULL,
  draft    BLOB    NOT NULL,
  PRIMARY KEY (article, revision)
) STRICT, WITHOUT ROWID;

-- An article's page, asked for its full text: when it is due, and how asking ended. One for each article that wants it.
CREATE TABLE page (
  article       INTEGER PRIMARY KEY REFERENCES article (article),
  feed          INTEGER NOT NULL REFERENCES feed (feed),  -- the one whose entry wants it
  url           TEXT    NOT NULL,            -- what is asked for: the entry's permalink
  host          TEXT    NOT NULL,
  at            INTEGER NOT NULL,            -- the article's: the newest of a host go first
  wish          INTEGER NOT NULL,            -- why it is wanted
  due_at        INTEGER,                     -- NULL: there is nothing to do until the entry changes
  failures      INTEGER NOT NULL DEFAULT 0,  -- attempts in a row that brought nothing
  asked_at      INTEGER,
  http_status   INTEGER,
  error         TEXT,                        -- why the last attempt brought nothing
  final_url     TEXT,                        -- where the page was found
  canonical_url TEXT,                        -- what it calls itself
  etag          BLOB,                        -- validators, byte for byte as received
  last_modified BLOB
) STRICT;

CREATE INDEX page_host ON page (host, at DESC, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX page_due ON page (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX page_error ON page (feed, due_at) WHERE error IS NOT NULL;

CREATE TRIGGER page_comes AFTER INSERT ON page BEGIN
  UPDATE feed SET pages_waiting = pages_waiting + (new.due_at IS NOT NULL),
    pages_failing = pages_failing + (new.due_at IS NOT NULL AND new.error IS NOT NULL),
    pages_given_up = pages_given_up + (new.due_at IS NULL AND new.error IS NOT NULL) WHERE feed = new.feed;
END;

CREATE TRIGGER page_goes AFTER DELETE ON page WHEN old.due_at IS NOT NULL OR old.error IS NOT NULL BEGIN
  UPDATE feed SET pages_waiting = pages_waiting - (old.due_at IS NOT NULL),
    pages_failing = pages_failing - (old.due_at IS NOT NULL AND old.error IS NOT NULL),
    pages_given_up = pages_given_up - (old.due_at IS NULL AND old.error IS NOT NULL) WHERE feed = old.feed;
END;

CREATE TRIGGER page_changes AFTER UPDATE OF feed, due_at, error ON page
  WHEN old.feed <> new.feed OR (old.due_at IS NULL) <> (new.due_at IS NULL) OR (old.error IS NULL) <> (new.error IS NULL) BEGIN
  UPDATE feed SET pages_waiting = pages_waiting - (old.due_at IS NOT NULL),
    pages_failing = pages_failing - (old.due_at IS NOT NULL AND old.error IS NOT NULL),
    pages_given_up = pages_given_up - (old.due_at IS NULL AND old.error IS NOT NULL) WHERE feed = old.feed;
  UPDATE feed SET pages_waiting = pages_waiting + (new.due_at IS NOT NULL),
    pages_failing = pages_failing + (new.due_at IS NOT NULL AND new.error IS NOT NULL),
    pages_given_up = pages_given_up + (new.due_at IS NULL AND new.error IS NOT NULL) WHERE feed = new.feed;
END;

-- What the page says the article is. What is shown is merged from this and the speaker's draft.
CREATE TABLE page_body (
  article      INTEGER PRIMARY KEY REFERENCES article (article),
  rules        INTEGER NOT NULL,  -- version of the rules that made the draft
  url          TEXT    NOT NULL,  -- what was asked for
  read_at      INTEGER NOT NULL,
  draft        BLOB    NOT NULL,  -- an empty one where, by these rules, the page holds no story
  content_type TEXT,
  raw          BLOB               -- the page as it came, where raw entries are kept
) STRICT;

-- Articles whose page turned out to be that of another, known by its id; the other may not be in the archive (yet).
CREATE TABLE page_copy (
  article INTEGER PRIMARY KEY REFERENCES article (article),
  of      TEXT    NOT NULL
) STRICT;

CREATE INDEX page_copy_of ON page_copy (of);

-- By what a feed knows its entries again. `newest` grows: the largest belongs to the key's last entry.
CREATE TABLE entry_key (
  feed     INTEGER NOT NULL REFERENCES feed (feed),
  kind     INTEGER NOT NULL,
  key      INTEGER NOT NULL,
  article  INTEGER NOT NULL REFERENCES article (article),
  sighting INTEGER NOT NULL REFERENCES sighting (sighting),
  newest   INTEGER NOT NULL,
  PRIMARY KEY (feed, kind, key, article)
) STRICT, WITHOUT ROWID;

-- Guids and links that identify nothing in their feed.
CREATE TABLE dead_key (
  feed INTEGER NOT NULL REFERENCES feed (feed),
  kind INTEGER NOT NULL,
  key  INTEGER NOT NULL,
  PRIMARY KEY (feed, kind, key)
) STRICT, WITHOUT ROWID;

-- Feeds whose past is being fetched, and how far that has come.
CREATE TABLE backfill (
  feed     INTEGER PRIMARY KEY REFERENCES feed (feed),
  due_at   INTEGER NOT NULL,  -- not before: a server that failed is left alone for a while
  job      TEXT    NOT NULL,  -- the walk and where it stands, JSON
  articles INTEGER NOT NULL   -- new to the archive, from its pages
) STRICT;

-- By what the articles of the last weeks are compared with new ones. What it means: src/copies/kept.rs.
CREATE TABLE compared (
  article INTEGER PRIMARY KEY REFERENCES article (article),
  kept    BLOB    NOT NULL
) STRICT;

-- Similar posts, the best first: of each the article's number (8 bytes) and the score in ten-thousandths (2 bytes), little-endian.
CREATE TABLE similar (
  article INTEGER PRIMARY KEY REFERENCES article (article),
  posts   BLOB    NOT NULL
) STRICT;

-- A rebuild that has not ended: all articles up to `article` have been made again.
CREATE TABLE rebuild (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  fingerprint   INTEGER NOT NULL,  -- of the rules and settings by which they are made; by others it begins anew
  article       INTEGER NOT NULL,
  articles      INTEGER NOT NULL,  -- so many were looked at …
  changed       INTEGER NOT NULL,  -- … of which so many show something else now
  without_entry INTEGER NOT NULL,  -- … so many had no raw entry to be made from
  unreadable    INTEGER NOT NULL   -- … and of so many it cannot be read
) STRICT;

-- Articles whose cluster moved while all copies are found anew, with what they were copies of before: at the end they are marked as
-- changed if that is not what they are now.
CREATE TABLE recompared (
  article      INTEGER PRIMARY KEY REFERENCES article (article),
  duplicate_of INTEGER,
  likeness     INTEGER
) STRICT;

-- In how many articles terms occur; written now and then, for it is an estimate anyway.
CREATE TABLE term_frequency (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  articles TEXT    NOT NULL,  -- articles counted, by language, JSON
  counters BLOB    NOT NULL   -- 16 bits each, little-endian, in a zstd frame
) STRICT;

-- With what the feed's next document is compared to see whether anything was missed: JSON.
CREATE TABLE coverage_base (
  feed INTEGER PRIMARY KEY REFERENCES feed (feed),
  base TEXT    NOT NULL
) STRICT;

-- What interrupted the watch over a feed. Between these, from covered_since to covered_until, nothing was missed.
CREATE TABLE coverage_finding (
  feed      INTEGER NOT NULL REFERENCES feed (feed),
  until_at  INTEGER NOT NULL,  -- the poll that found it
  from_at   INTEGER NOT NULL,  -- the last poll before that proved anything
  gap       INTEGER NOT NULL,  -- 1: something may have been missed; 0: nobody watched, but what came then overlaps
  cause     TEXT    NOT NULL,
  healed_at INTEGER,           -- when the feed's history was read back to what was known before
  looked_back_at INTEGER,      -- when the history was first looked through for it
  PRIMARY KEY (feed, until_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX coverage_finding_open ON coverage_finding (feed, until_at) WHERE gap = 1 AND healed_at IS NULL;

-- Entries that the operator's filters dropped, by what they are known again: hashes, for nothing else is kept of them.
CREATE TABLE dropped_entry (
  entry   INTEGER PRIMARY KEY,
  feed    INTEGER NOT NULL REFERENCES feed (feed),
  guid    INTEGER,
  link    INTEGER,
  text    INTEGER NOT NULL,
  date    INTEGER,             -- seconds since 1970
  left_at INTEGER              -- when it was found to have left its feed
) STRICT;

CREATE INDEX dropped_entry_feed ON dropped_entry (feed);

-- What came in each hour since 1970 (UTC). What was removed since stays counted, here and in the two tables below.
CREATE TABLE hour (
  hour  INTEGER PRIMARY KEY,
  new   INTEGER NOT NULL,      -- articles that were new to the archive
  dated INTEGER NOT NULL       -- articles whose own date lies in it, of those that were not old when they came
) STRICT;

-- How long articles took from their publication into the archive, by the day of their coming.
CREATE TABLE delay (
  day      INTEGER NOT NULL,   -- since 1970
  within   INTEGER NOT NULL,   -- seconds: at most so long, and longer than the next smaller bound
  articles INTEGER NOT NULL,
  PRIMARY KEY (day, within)
) STRICT, WITHOUT ROWID;

-- What feeds brought of late, and how often they failed.
CREATE TABLE feed_day (
  feed     INTEGER NOT NULL REFERENCES feed (feed),
  day      INTEGER NOT NULL,   -- since 1970
  new      INTEGER NOT NULL,   -- articles dated on it
  failures INTEGER NOT NULL,   -- polls
  PRIMARY KEY (feed, day)
) STRICT, WITHOUT ROWID;

-- Filled and emptied again to write over pages that were freed.
CREATE TABLE blank (zeros BLOB NOT NULL) STRICT;

-- Articles that were taken out for good.
CREATE TABLE forgotten (
  id         TEXT    PRIMARY KEY,
  deleted_at INTEGER NOT NULL,
  change     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX forgotten_change ON forgotten (change);

-- Webhooks, by a hash of their URL. What is undelivered is not kept: it is what changed after the change number in here.
CREATE TABLE webhook (
  webhook INTEGER PRIMARY KEY,
  outbox  TEXT NOT NULL  -- how far it has come, and what is wrong if something is: JSON
) STRICT;

-- Full text: the distinct tokens of title, authors and text. Tokens are made by Gleaner (any script), so SQLite only
-- splits at spaces; phrases and relevance are judged on the articles themselves.
CREATE VIRTUAL TABLE article_tokens USING fts5 (
  tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

-- Segments of the index are merged when there are eight of a size instead of four: half the writing, and a search looks into a few more.
INSERT INTO article_tokens (article_tokens, rank) VALUES ('automerge', 8);
