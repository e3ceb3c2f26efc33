//! Which secrets are valid for the signatures of Standard Webhooks, and what is said of those that are not.

use base64ct::{Base64, Base64Url, Encoding as _};
use proptest::prelude::*;
use unfollow_webhook::standard_webhooks::SigningSecret;

const LINE: &str = "must be one line: openssl breaks the base64 of more than 48 bytes into several; take 32 bytes";
const ENDS: &str = "must not begin or end with white space or an invisible character";
const INSIDE: &str = "must not have white space or an invisible character in it";
const QUOTES: &str = "must not have quotation marks around it";
const PREFIX: &str = "must begin with whsec_";
const CASE: &str = "must begin with whsec_, in lower case";
const TWICE: &str = "must begin with whsec_ once, not twice";
const URL_SAFE: &str = "must be standard base64, with + and / where URL-safe base64 has - and _";
const DIGITS: &str = "must have base64 after whsec_: letters, digits, + and /, and = only at the end";
const INCOMPLETE: &str = "must be complete base64: a character is missing, or is too many";
const LAST: &str = "must be complete base64: no base64 ends with its last character before the padding";
const ONE: &str = "must be base64 with its padding: it has to end with =";
const TWO: &str = "must be base64 with its padding: it has to end with ==";
const NONE: &str = "must be base64 with its padding: it has to end with no =, after this many characters";

/// Bytes whose base64 has letters, digits, `+` and `/`.
fn bytes(number: usize) -> Vec<u8> {
    (0..number).map(|at| [0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 0x31, 0xf2][at % 8]).collect()
}

/// A secret of so many bytes.
fn secret(number: usize) -> String {
    format!("whsec_{}", Base64::encode_string(&bytes(number)))
}

/// The base64 of so many bytes in lines of 64 characters, as `openssl rand -base64` writes it.
fn wrapped(number: usize, line_end: &str) -> String {
    let base64 = Base64::encode_string(&bytes(number));
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("whsec_{}", lines.join(line_end))
}

#[test]
fn a_secret_has_24_to_64_bytes() {
    for number in 24..=64 {
        assert!(SigningSecret::new(&secret(number)).is_ok(), "{number}");
    }
    for number in [0, 1, 16, 23, 65, 96, 1000] {
        let rule = format!("must be whsec_ and the base64 of 24 to 64 bytes: it has {number}");
        assert_eq!(SigningSecret::new(&secret(number)).err(), Some(rule));
    }
}

#[test]
fn an_invalid_secret_is_told_by_the_part_that_is_broken() {
    let (valid, padded, padded_twice) = (secret(24), secret(32), secret(31));
    assert!(padded.ends_with('=') && !padded.ends_with("==") && padded_twice.ends_with("==") && !valid.ends_with('='));
    let base64 = padded.trim_start_matches("whsec_");
    let url_safe = format!("whsec_{}", Base64Url::encode_string(&bytes(32)));
    assert!(url_safe[6..].contains('-') && url_safe[6..].contains('_'));
    let with = |text: &str, other: &str| padded.replacen(text, other, 1);
    let cases: Vec<(String, &str)> = vec![
        // The prefix.
        (String::new(), PREFIX),
        (base64.to_owned(), PREFIX),
        (format!("whsk_{base64}"), PREFIX),
        (format!("whsec-{base64}"), PREFIX),
        (format!("sec_{base64}"), PREFIX),
        (format!("ORIGIN_SECRET={padded}"), PREFIX),
        (format!("微信微信{base64}"), PREFIX),
        (with("whsec_", "WHSEC_"), CASE),
        (with("whsec_", "Whsec_"), CASE),
        (with("whsec_", "whsec_whsec_"), TWICE),
        // White space, and marks that are no part of it.
        (format!("{padded} "), ENDS),
        (format!(" {padded}"), ENDS),
        (format!("{padded}\n"), ENDS),
        (format!("{padded}\r\n"), ENDS),
        (format!("\t{padded}"), ENDS),
        (format!("{padded}\u{a0}"), ENDS),
        (format!("{padded}\u{200b}"), ENDS),
        (format!("\u{feff}{padded}"), ENDS),
        (" ".to_owned(), ENDS),
        ("\n".to_owned(), ENDS),
        (with("whsec_", "whsec_ "), INSIDE),
        (with("whsec_", "whsec_\u{200b}"), INSIDE),
        (format!("whsec_{} {}", &base64[..8], &base64[8..]), INSIDE),
        (wrapped(64, "\n"), LINE),
        (wrapped(64, "\n") + "\n", LINE),
        (wrapped(49, "\r\n"), LINE),
        (wrapped(64, "\r"), LINE),
        (format!("{padded}\n{padded}"), LINE),
        (format!("\"{padded}\""), QUOTES),
        (format!("'{padded}'"), QUOTES),
        (format!("{padded}\""), QUOTES),
        // The base64.
        (url_safe.clone(), URL_SAFE),
        (url_safe.trim_end_matches('=').to_owned(), URL_SAFE),
        (padded.replace('+', "-"), URL_SAFE),
        (padded.replace('/', "_"), URL_SAFE),
        (padded.trim_end_matches('=').to_owned(), ONE),
        (padded_twice.trim_end_matches('=').to_owned(), TWO),
        (format!("{}=", padded_twice.trim_end_matches('=')), TWO),
        (format!("{padded}="), ONE),
        (format!("{padded_twice}="), TWO),
        (format!("{valid}="), NONE),
        (format!("{valid}===="), NONE),
        ("whsec_====".to_owned(), NONE),
        (format!("{valid}A"), INCOMPLETE),
        (valid[..valid.len() - 3].to_owned(), INCOMPLETE),
        (format!("{valid}A==="), INCOMPLETE),
        (format!("{padded}{base64}"), DIGITS),
        (format!("whsec_{}!", base64.trim_end_matches('=')), DIGITS),
        ("whsec_not.base64.at.all".to_owned(), DIGITS),
        ("whsec_${SECRET}".to_owned(), DIGITS),
        ("whsec_\u{5fae}\u{4fe1}".to_owned(), DIGITS),
        (format!("{padded}\\n"), DIGITS),
        (format!("whsec_{}B=", &base64[..base64.len() - 2]), LAST),
        (format!("whsec_{}B==", "A".repeat(41)), LAST),
    ];
    for (text, rule) in cases {
        assert_eq!(SigningSecret::new(&text).err().as_deref(), Some(rule), "{text:?}");
    }
}

proptest! {
    #[test]
    fn a_secret_is_valid_only_as_it_would_be_written(number in 0_usize..80, damage in any::<(prop::sample::Index, char)>()) {
        let valid = secret(number);
        let (at, character) = (damage.0.index(valid.len()), damage.1);
        for text in [valid.clone(), format!("{}{character}{}", &valid[..at], &valid[at + 1..]), valid[..at].to_owned()] {
            let decoded = text.strip_prefix("whsec_").and_then(|base64| Base64::decode_vec(base64).ok());
            let is_valid = decoded.is_some_and(|bytes| (24..=64).contains(&bytes.len()));
            let read = SigningSecret::new(&text);
            prop_assert_eq!(read.is_ok(), is_valid, "{:?}", text);
            let parts: Vec<char> = text.chars().skip("whsec_".len()).collect();
            for part in parts.windows(8).filter(|_| read.is_err()) {
                let rule = read.as_ref().err().unwrap();
                prop_assert!(rule.starts_with("must ") && !rule.contains(&String::from_iter(part)), "{}", rule);
            }
        }
    }
}
