//! Subscription lists as OPML: outlines in (1.0 to 2.0) and out (2.0), nothing lost on the way.
