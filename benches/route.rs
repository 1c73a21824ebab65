//! The routing decision: twenty rules, of which the last decides, as in an office that grew.
//!
//! `cargo bench --bench route`; the time of one decision is in the `time` column.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

use ringtag::base::country::Country;
use ringtag::base::number::{Caller, Number};
use ringtag::config::{self, Config};
use ringtag::route::Facts;

/// An office whose first rules all look at something and let the call pass.
fn office() -> Config {
    let mut text = String::from(
        r#"
[[trunk]]
id = "carrier"
host = "192.0.2.1"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
holidays = ["2027-01-01..2027-01-08", "2027-02-23", "2027-05-01..2027-05-09"]
[[source]]
tag = "direct"
category = "mowers"
numbers = ["+74950000001"]
[[manager]]
id = "a"
extension = "101"
[[manager]]
id = "b"
extension = "102"
[[manager]]
id = "c"
extension = "103"
[[group]]
id = "sales"
members = ["a", "b", "c"]
strategy = "round-robin"
"#,
    );
    let conditions = [
        "caller = \"+7800*\"",
        "caller = [\"+74951111111\", \"+7499*\", \"anonymous\"]",
        "hours = \"Mon-Fri 21:00-22:00\"",
        "hours = [\"Mon-Fri 06:00-07:00\", \"Sat 08:00-09:00\", \"Sun 08:00-09:00\"]",
        "repeat = true",
        "category = \"mowers\"\nhours = \"22:00-06:00\"",
    ];
    for (place, condition) in conditions.iter().cycle().take(19).enumerate() {
        write!(
            text,
            "[[rule]]\nid = \"rule {place}\"\n{condition}\nto = \"manager:a\"\n"
        )
        .unwrap();
    }
    text.push_str("[[rule]]\nid = \"last\"\nto = [\"manager:last\", \"group:sales\"]\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringtag.toml");
    std::fs::write(&file, text).unwrap();
    config::load(&file).unwrap().config
}

fn decide(c: &mut Criterion) {
    let config = office();
    let number = Number::e164("+74950000001").unwrap();
    let caller = Caller::Number(Number::e164("+79161234567").unwrap());
    let at = "2026-11-20T09:30:00Z".parse().unwrap();
    let question = |source| Facts {
        at,
        source,
        number,
        caller: &caller,
        trunk: "carrier",
        prior_calls: 0,
        last_manager: None,
        rotation: &|_| 1,
        last_taken: &|_| None,
        chance: 7,
    };
    c.bench_function("decide by the last of 20 rules", |b| {
        b.iter(|| {
            let source = config.tracking.source(black_box(number)).unwrap();
            config.routing.decide(&question(source))
        });
    });
    let russia = Country::from_code("RU").unwrap();
    c.bench_function("read a caller as E.164", |b| {
        b.iter(|| Number::read(black_box("+79161234567"), &russia));
    });
    c.bench_function("read a caller in its national form", |b| {
        b.iter(|| Number::read(black_box("89161234567"), &russia));
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
