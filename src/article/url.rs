//! Permalinks: an address that can be fetched, without what only tracks readers.

use url::Url;

/// Query parameters that newsletters, feeds and advertisers add to tell readers apart. None of them chooses what
/// the server shows. Lower case; a prefix where it ends in `_` or `-`.
const TRACKING_PARAMETERS: &[&str] = &[
    "_hsenc",
    "_hsmi",
    "_openstat",
    "at_bbc_team",
    "at_campaign",
    "at_campaign_type",
    "at_format",
    "at_link_id",
    "at_link_origin",
    "at_link_type",
    "at_medium",
    "at_ptr_name",
    "at_ptr_type",
    "campaign_id",
    "cmpid",
    "dclid",
    "fb_action_ids",
    "fb_action_types",
    "fb_ref",
    "fb_source",
    "fbclid",
    "fclid",
    "gbraid",
    "gclid",
    "gclsrc",
    "gs_l",
    "hsa_",
    "hsctatracking",
    "igsh",
    "igshid",
    "itm_",
    "mc_cid",
    "mc_eid",
    "mc_tc",
    "mkt_tok",
    "ml_subscriber",
    "ml_subscriber_hash",
    "msclkid",
    "mtm_",
    "ns_campaign",
    "ns_linkname",
    "ns_mchannel",
    "ns_source",
    "oly_anon_id",
    "oly_enc_id",
    "piwik_campaign",
    "piwik_kwd",
    "pk_",
    "rb_clickid",
    "s_cid",
    "srsltid",
    "stm_",
    "ttclid",
    "twclid",
    "utm_",
    "vero_conv",
    "vero_id",
    "wbraid",
    "wickedid",
    "wt_mc",
    "wt_zmc",
    "xtor",
    "yclid",
    "ysclid",
];

/// Does a query parameter of this name only track readers?
pub fn is_tracking_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TRACKING_PARAMETERS.iter().any(|known| if known.ends_with(['_', '-']) { name.starts_with(known) } else { name == *known })
}

/// The address without credentials, tracking parameters and fragments of no meaning (empty, or made of tracking
/// parameters alone); everything else as it stands, order and escapes included.
pub fn permalink(url: &Url) -> Url {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Fails only for URLs that cannot have credentials, and those have none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    if let Some(query) = url.query() {
        let kept = without_tracking(query);
        if kept.len() != query.len() {
            url.set_query(if kept.is_empty() { None } else { Some(&kept) });
        }
    }
    if let Some(fragment) = url.fragment() {
        let kept = without_tracking(fragment);
        if kept.is_empty() || (kept.len() != fragment.len() && fragment.contains('=')) {
            url.set_fragment(if kept.is_empty() { None } else { Some(&kept) });
        }
    }
    url
}

/// A query string without its tracking parameters.
pub fn without_tracking(query: &str) -> String {
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_tracking_parameter(pair.split('=').next().unwrap_or_default())).collect();
    kept.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permalink_of(url: &str) -> String {
        permalink(&Url::parse(url).unwrap()).to_string()
    }

    #[test]
    fn tracking_parameters_go_and_all_others_stay_in_their_order() {
        for (url, want) in [
            ("https://example.org/a?utm_source=x&b=2&a=1&fbclid=z", "https://example.org/a?b=2&a=1"),
            ("https://example.org/a?UTM_Source=x", "https://example.org/a"),
            ("https://example.org/a?id=%7E1&x=", "https://example.org/a?id=%7E1&x="),
            ("https://example.org/a#", "https://example.org/a"),
            ("https://example.org/a#utm_source=rss&utm_medium=feed", "https://example.org/a"),
            ("https://example.org/changes#2", "https://example.org/changes#2"),
            ("https://user:secret@example.org/a", "https://example.org/a"),
        ] {
            assert_eq!(permalink_of(url), want);
        }
    }
}
