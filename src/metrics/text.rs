//! The two forms in which Prometheus reads metrics. Both are written here and not by a crate: what those are made for, metrics in
//! memory, a Worker has not, since each isolate would have its own.
//!
//! [`OpenMetrics` 1.0, "Text format"; Prometheus' "Exposition formats", version 0.0.4]

use std::fmt::{self, Write as _};

use super::{Families, Metric, MetricType, Sample, Value};

/// A form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `OpenMetrics`.
    OpenMetrics,
    /// The older one of Prometheus, which everything reads.
    Plain,
}

impl Form {
    /// Its `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Metric {
    /// The name and the type as the comments of a form have them: to the older one, an info is a gauge, and a suffix is a part
    /// of the name.
    fn declared(self, form: Form) -> (String, &'static str) {
        let row = self.row();
        match (form, row.metric_type) {
            (Form::OpenMetrics, MetricType::Counter) => (row.name.to_owned(), "counter"),
            (Form::OpenMetrics, MetricType::Info) => (row.name.to_owned(), "info"),
            (Form::Plain, MetricType::Counter) => (row.sample_name(), "counter"),
            (Form::Plain, MetricType::Info) | (_, MetricType::Gauge) => (row.sample_name(), "gauge"),
        }
    }
}

/// These metrics as a text of this form.
#[must_use]
pub fn write(families: &Families, form: Form) -> String {
    let mut text = String::new();
    // To write to a String cannot fail.
    let _ = families.iter().try_for_each(|(metric, samples)| write_family(&mut text, *metric, samples, form));
    if form == Form::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write_family(text: &mut String, metric: Metric, samples: &[Sample], form: Form) -> fmt::Result {
    let row = metric.row();
    let (name, type_name) = metric.declared(form);
    writeln!(text, "# HELP {name} {}", row.help)?;
    writeln!(text, "# TYPE {name} {type_name}")?;
    if let (Form::OpenMetrics, Some(unit)) = (form, row.unit()) {
        writeln!(text, "# UNIT {name} {unit}")?;
    }
    let sample_name = row.sample_name();
    for Sample { labels, value } in samples {
        let label = |(name, value): (&&str, &String)| format!("{name}=\"{}\"", escape(value));
        let labels = row.labels.iter().zip(labels).filter(|(_, value)| !value.is_empty());
        let labels = labels.map(label).collect::<Vec<_>>().join(",");
        text.push_str(&sample_name);
        if !labels.is_empty() {
            write!(text, "{{{labels}}}")?;
        }
        match value {
            Value::Number(number) => writeln!(text, " {number}")?,
            Value::Ms(ms) => writeln!(text, " {}.{:03}", ms / 1000, ms % 1000)?,
        }
    }
    Ok(())
}

/// The value of a label, between quotes. Both forms escape the same three.
fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
