//! Compares one user's followers with a key of this program's own: the Worker needs none. The rules are those of the Worker.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    time::Duration,
};

use futures_util::FutureExt as _;
use http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};
use unfollow_webhook::{
    comparison::{Budget, Comparison, ComparisonError, Excuse, Log, LogFollower, LogPage, Missed, Pair, Position},
    event::EventId,
    outgoing::{Outgoing, OutgoingError, OutgoingRequest, OutgoingResponse, Wanted},
    storage::Clock,
    tencent::{Pace, Tencent},
};

use crate::{
    api::Api,
    args::{Key, Plan, Whose},
    calls::{Client, Request, percent_encode},
    host,
    steps::{Sums, print},
};

/// How often a step is tried before it counts as failed, and the pause between.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_secs(3);

/// A page of the Worker's list of followers.
#[derive(Deserialize)]
struct Page {
    followers: Vec<Listed>,
    covered_since: Option<u64>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    user: String,
    since: u64,
}

#[derive(Deserialize)]
struct Recorded {
    outcome: String,
}

/// Who follows the user by the log, as the Worker has said it last.
struct Followers<'a> {
    api: &'a Api<'a>,
    path: String,
    known: RefCell<BTreeMap<String, u64>>,
}

impl Followers<'_> {
    /// Asks for all of them. From when on the log covers what happened, in Unix ms.
    fn load(&self) -> Result<Option<u64>, String> {
        let (mut known, mut cursor) = (BTreeMap::new(), String::new());
        loop {
            let page: Page = self.api.call("GET", &format!("{}&limit=1000{cursor}", self.path))?;
            known.extend(page.followers.into_iter().map(|it| (it.user, it.since)));
            match page.cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => {
                    self.known.replace(known);
                    return Ok(page.covered_since);
                }
            }
        }
    }
}

impl Log for Followers<'_> {
    type Error = String;

    /// The list has no events: the number of the first follower of a page stands for the time of one.
    async fn followers(
        &self,
        _: &str,
        after: Option<&EventId>,
        limit: usize,
        except: &[String],
    ) -> Result<LogPage, String> {
        let known = self.known.borrow();
        let from = after.map_or(0, |id| usize::try_from(id.event_time()).unwrap_or(usize::MAX));
        let page = known.iter().skip(from).take(limit);
        let wanted = page.filter(|(user, _)| except.binary_search(user).is_err());
        let followers = wanted.map(|(user, since)| LogFollower { user: user.clone(), since: *since }).collect();
        let next = from.saturating_add(limit);
        let next = (next < known.len()).then(|| EventId::of_parts(next as u64, &"0".repeat(32))).flatten();
        Ok(LogPage { followers, next })
    }

    async fn known(&self, pairs: &[Pair<'_>]) -> Result<Vec<Option<u64>>, String> {
        let known = self.known.borrow();
        Ok(pairs.iter().map(|pair| known.get(pair.actor).copied()).collect())
    }

    async fn refresh(&self) -> Result<(), String> {
        self.load().map(|_| ())
    }

    /// The Worker looks for reasons when a miss is recorded.
    async fn excuses(&self, missed: &[Missed]) -> Result<Vec<Option<Excuse>>, String> {
        Ok(vec![None; missed.len()])
    }
}

/// The time of this machine, whose waits block.
struct BlockingClock;

impl Clock for BlockingClock {
    fn now_ms(&self) -> u64 {
        host::now()
    }

    async fn sleep(&self, ms: u64) {
        host::sleep(Duration::from_millis(ms));
    }
}

/// HTTP that blocks.
struct BlockingHttp(Client);

impl Outgoing for BlockingHttp {
    async fn post(&self, request: OutgoingRequest<'_>) -> Result<OutgoingResponse, OutgoingError> {
        let url: Uri = request.url.parse().map_err(|_| OutgoingError::Unreachable)?;
        let (Wanted::Whole(max) | Wanted::Start(max)) = request.wanted;
        let post = Request {
            method: "POST",
            target: url.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
            headers: request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            body: Some(String::from_utf8_lossy(request.body).into_owned()),
            answer_max: u64::try_from(max).unwrap_or(u64::MAX),
        };
        let answer = self.0.call(&post).answer.map_err(|_| OutgoingError::Unreachable)?;
        Ok(OutgoingResponse { status: answer.status, retry_after: None, body: answer.body.into_bytes() })
    }
}

/// The output of a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> Result<T, String> {
    future.now_or_never().ok_or_else(|| "this program waits for itself".to_owned())
}

/// Compares to the end. Why that failed is said in one message.
pub fn run(plan: &Plan, key: &Key) -> Result<(), String> {
    let Whose::User(user) = &plan.whose else { return Err("with a key of its own, it compares one --user".to_owned()) };
    let api = Api::new(&plan.url, &plan.credentials, plan.timeout);
    let path = format!("users/{}/followers?user={}", plan.app, percent_encode(user));
    let log = Followers { api: &api, path, known: RefCell::default() };
    let covered_since = log.load()?;
    let base = key.base.as_str().parse().map_err(|_| "TENCENT_REGION is no URL".to_owned())?;
    let (http, pace) = (BlockingHttp(Client::new(&base, plan.timeout, 1)), Pace::default());
    let mut sums = Sums::default();
    let mut position = Some(Position::START);
    let mut attempt = 1;
    while let Some(from) = position.take() {
        let random = || fastrand::f64();
        let tencent = Tencent {
            app: plan.app,
            key: &key.secret,
            admin: &key.admin,
            base: &key.base,
            outgoing: &http,
            clock: &BlockingClock,
            pace: &pace,
            random: &random,
            calls: Cell::new(0),
        };
        // Nothing is limited but Tencent's calls: the Worker records one by one.
        let budget = Budget { operations: usize::MAX, per_record: 0 };
        let mut comparison = Comparison::new(&log, &tencent, covered_since, budget);
        let step = async {
            let next = comparison.advance(user, from.clone()).await?;
            comparison.settle(next).await
        };
        match at_once(step)? {
            Ok((findings, next)) => {
                sums.checked += findings.checked as u64;
                sums.unknown_to_log += findings.unknown_to_log as u64;
                sums.undecided += findings.undecided as u64;
                sums.calls += tencent.calls.get() as u64;
                for missed in findings.missed {
                    take(plan, &api, &missed, &mut sums)?;
                }
                position = next;
                attempt = 1;
            }
            Err(ComparisonError::Log(message)) => return Err(message),
            Err(ComparisonError::Tencent(error)) if error.is_temporary() && attempt < ATTEMPTS_MAX => {
                host::say(format_args!("{}; trying again in {} s", error.describe(), PAUSE.as_secs()));
                host::sleep(PAUSE);
                (position, attempt) = (Some(from), attempt + 1);
            }
            Err(ComparisonError::Tencent(error)) => {
                return Err(format!("{}\n{}; run the same command again", error.describe(), sums.text()));
            }
        }
        host::say(sums.text());
    }
    Ok(())
}

/// Prints a miss, and has the Worker record it if that is wanted: unless the log says otherwise.
fn take(plan: &Plan, api: &Api<'_>, missed: &Missed, sums: &mut Sums) -> Result<(), String> {
    let Missed { target, actor, event_time, not_before } = missed;
    let mut miss = json!({ "actor": actor, "target": target, "event_time": event_time });
    if let Some(not_before) = not_before {
        miss["not_before"] = json!(not_before);
    }
    if plan.record {
        let kind = if missed.is_follow() { "follow" } else { "unfollow" };
        let path = format!(
            "users/{}/missed?user={}&actor={}&kind={kind}&event_time={event_time}",
            plan.app,
            percent_encode(target),
            percent_encode(actor),
        );
        let Recorded { outcome } = api.call("POST", &path)?;
        match outcome.as_str() {
            "recorded" => sums.recorded += 1,
            "unknown_to_log" => sums.unknown_to_log += 1,
            "on_its_way" => sums.undecided += 1,
            _ => {}
        }
        if outcome != "recorded" {
            return Ok(());
        }
    }
    sums.missed += 1;
    if let Value::Object(miss) = miss {
        print(miss)?;
    }
    Ok(())
}
