//! `GET /metrics` on the real runtime: its forms, and where the path is the webhook's.

use crate::{
    ADMIN_TOKEN,
    call::{APP, UNFOLLOW, now_ms, post_at, request_api, request_with, unfollow, unsigned},
    worker::Worker,
};

const METRICS_TOKEN: &str = "a-token-of-the-scraper";

fn settings(webhook_path: &str) -> [(&str, &str); 5] {
    [
        ("SDK_APP_IDS", APP),
        ("ALLOW_UNSIGNED", "true"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("METRICS_TOKEN", METRICS_TOKEN),
        ("WEBHOOK_PATH", webhook_path),
    ]
}

#[test]
fn metrics_are_scraped_in_both_forms() {
    let worker = Worker::with(&settings("/hook"));
    let url = format!("{}/metrics", worker.url);
    let call = format!("{}/hook?{}", worker.url, unsigned(APP, UNFOLLOW));
    assert!(post_at(&call, unfollow("a", &["b"], now_ms())).is_ok());
    let bearer = format!("Bearer {METRICS_TOKEN}");
    for (accept, content_type, last) in [
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", ""),
    ] {
        let headers = [("authorization", &*bearer), ("accept", accept)];
        let answer = request_with("GET", &url, &headers);
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(
            answer.text.contains(&format!("events_total{{app=\"{APP}\",kind=\"unfollow\"}} 1\n")),
            "{}",
            answer.text
        );
        assert!(answer.text.trim_end().ends_with(last) && answer.text.ends_with('\n'));
        // The size that D1 says.
        assert!(answer.text.contains("\nunfollow_webhook_database_size_bytes "));
        let head = request_with("HEAD", &url, &headers);
        assert_eq!((head.status, head.header("content-type"), &*head.text), (200, content_type, ""));
    }
    assert_eq!(request_api("GET", &url, None).status, 401);
    assert_eq!(request_api("GET", &format!("{}/v1/status", worker.url), Some(METRICS_TOKEN)).status, 403);
    let status = request_api("GET", &format!("{}/v1/status", worker.url), Some(ADMIN_TOKEN)).body;
    assert_eq!(status["metrics_path"], "/metrics");
}

#[test]
fn a_webhook_that_lives_at_the_path_stays_there() {
    let worker = Worker::with(&settings("/metrics"));
    let url = format!("{}/metrics", worker.url);
    assert!(post_at(&format!("{url}?{}", unsigned(APP, UNFOLLOW)), unfollow("a", &["b"], now_ms())).is_ok());
    let answer = request_api("GET", &url, Some(METRICS_TOKEN));
    assert_eq!(answer.code(), (405, 40500));
    let status = request_api("GET", &format!("{}/v1/status", worker.url), Some(ADMIN_TOKEN)).body;
    assert!(status["metrics_path"].is_null(), "{status}");
}
