//! Which form a scraper wants, by its `Accept` header. [RFC 9110, 12.5.1]

use super::text::Form;

/// The form of the greater weight; [`Form::Plain`] if a scraper does not name `OpenMetrics`, which not all can read, or if none is
/// acceptable: then it may still read what it gets.
#[must_use]
pub fn form(accept: Option<&str>) -> Form {
    let ranges: Vec<_> = accept.unwrap_or_default().split(',').filter_map(MediaRange::read).collect();
    let weight = |media_type: &str, version: &str| {
        let those = ranges.iter().filter(|range| range.is(media_type, version));
        those.map(|range| range.weight).max().unwrap_or_default()
    };
    let open = weight("application/openmetrics-text", "1.0.0");
    if open > 0 && open >= weight("text/plain", "0.0.4") { Form::OpenMetrics } else { Form::Plain }
}

/// One of the media types that are accepted.
struct MediaRange<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    weight: u32,
}

impl<'a> MediaRange<'a> {
    /// Reads one; `None` if its weight is no number from 0 to 1.
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self { media_type: parts.next()?, version: None, weight: 1000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if name.trim_ascii().eq_ignore_ascii_case("version") {
                range.version = Some(value);
            } else if name.trim_ascii().eq_ignore_ascii_case("q") {
                range.weight = weight(value)?;
            }
        }
        Some(range)
    }

    /// Whether it is this type, in this version or in any.
    fn is(&self, media_type: &str, version: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type) && self.version.is_none_or(|it| it == version)
    }
}

/// A weight in thousandths.
fn weight(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}
