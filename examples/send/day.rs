//! What a run of calls tells: who acts on whom, what happens, and when. Each call is made of its number alone, so the same
//! command sends the same again, at other times. `--users` draws the users, `--mix` the kinds and `--spread` the times.

use fastrand::Rng;
use unfollow_webhook::webhook::command::Kind;

/// How busy each hour of a day (UTC) is, relative to the others: least before the morning, most in the evening.
const HOURS: [u32; 24] = [11, 8, 5, 3, 2, 2, 3, 4, 6, 7, 8, 9, 11, 10, 9, 9, 10, 12, 15, 19, 22, 23, 20, 15];

const HOUR_MS: u64 = 60 * 60 * 1000;

/// How often a call has 1, 2 or 3 targets, out of ten calls.
const TARGETS: [usize; 10] = [1, 1, 1, 1, 1, 1, 1, 1, 2, 3];

/// All calls of a run.
pub struct Day {
    /// The actor of every call; without one, each call has one of the users.
    pub from: Option<String>,
    /// The targets of every call; without any, each call has some of the users.
    pub to: Vec<String>,
    /// How many users there are to draw from; 2 or more where some are to be drawn.
    pub users: u32,
    /// What happens.
    pub mix: Mix,
    /// How many calls there are.
    pub count: u64,
    /// When the last event is, in Unix ms; the time of its call where there is none.
    pub until: Option<u64>,
    /// How long before that the events begin, in ms; without it, all events are at the same time.
    pub spread: Option<u64>,
}

/// How many of the events are follows and how many unfollows, relative to each other; not both 0.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// The follows.
    pub follow: u32,
    /// The unfollows.
    pub unfollow: u32,
}

/// What one call tells.
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// The actor's UserID.
    pub from: String,
    /// The targets' UserIDs.
    pub to: Vec<String>,
    /// When, in Unix ms.
    pub time: u64,
}

impl Day {
    /// What the call of this number tells, from 0, if it is sent at `now` (Unix ms).
    pub fn event(&self, number: u64, now: u64) -> Event {
        let mut rng = Rng::with_seed(number);
        let from = self.from.clone().unwrap_or_else(|| self.user(rng.u32(0..self.users), &self.to));
        let to = if self.to.is_empty() { self.targets(&mut rng, &from) } else { self.to.clone() };
        let kind = self.mix.draw(&mut rng);
        Event { kind, from, to, time: self.time(number, now, &mut rng) }
    }

    /// The user of this number, or the next one who is not among `others`, who have to be fewer than the users.
    fn user(&self, number: u32, others: &[String]) -> String {
        let digits = self.users.to_string().len();
        let name = |number: u32| format!("user-{:0digits$}", number + 1);
        let mut following = (0..=self.users).map(|step| name((number + step) % self.users));
        following.find(|name| !others.contains(name)).unwrap_or_else(|| name(number))
    }

    /// Some users other than the actor. The lower its number, the more popular is a user: half of all events are about the
    /// first eighth.
    fn targets(&self, rng: &mut Rng, from: &str) -> Vec<String> {
        let mut others = vec![from.to_owned()];
        let most = TARGETS[rng.usize(0..TARGETS.len())].min(self.users as usize - 1);
        for _ in 0..most {
            let number = (f64::from(self.users) * rng.f64().powi(3)) as u32;
            others.push(self.user(number, &others));
        }
        others.split_off(1)
    }

    fn time(&self, number: u64, now: u64, rng: &mut Rng) -> u64 {
        let until = self.until.unwrap_or(now);
        let Some(spread) = self.spread else { return until };
        // The calls share the time evenly among them, in their order: a share is longer where it is quieter.
        at(until.saturating_sub(spread), until, (number as f64 + rng.f64()) / self.count as f64)
    }
}

impl Mix {
    /// Follows alone, or unfollows alone.
    pub fn only(kind: Kind) -> Self {
        match kind {
            Kind::Follow => Self { follow: 1, unfollow: 0 },
            Kind::Unfollow => Self { follow: 0, unfollow: 1 },
        }
    }

    /// Reads `follow=3,unfollow=1`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "it is how many follows there are to how many unfollows, such as follow=3,unfollow=1";
        let mut mix = Self { follow: 0, unfollow: 0 };
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or(FORM)?;
            let place = match name {
                "follow" => &mut mix.follow,
                "unfollow" => &mut mix.unfollow,
                _ => return Err(FORM),
            };
            *place = number.parse().ok().filter(|number| (0..=1_000_000).contains(number)).ok_or(FORM)?;
        }
        if mix.follow + mix.unfollow == 0 { Err(FORM) } else { Ok(mix) }
    }

    fn draw(self, rng: &mut Rng) -> Kind {
        if rng.u32(0..self.follow + self.unfollow) < self.follow { Kind::Follow } else { Kind::Unfollow }
    }
}

/// The time in Unix ms at which a share (0 to 1) of what happens from `since` to `until` has happened.
fn at(since: u64, until: u64, share: f64) -> u64 {
    let mut rest = share * hours(since, until).map(|(from, to)| weight(from, to)).sum::<f64>();
    for (from, to) in hours(since, until) {
        let weight = weight(from, to);
        if rest < weight {
            return from + ((to - from) as f64 * rest / weight) as u64;
        }
        rest -= weight;
    }
    until
}

/// The hours of UTC from `since` to `until`, the first and the last cut off where these are.
fn hours(since: u64, until: u64) -> impl Iterator<Item = (u64, u64)> {
    (since / HOUR_MS..=until / HOUR_MS)
        .map(move |hour| ((hour * HOUR_MS).max(since), ((hour + 1) * HOUR_MS).min(until)))
}

/// How much happens in a part of an hour.
fn weight(from: u64, to: u64) -> f64 {
    f64::from(HOURS[(from / HOUR_MS % 24) as usize]) * (to - from) as f64
}
