//! Letters through a store and a server of the test's own: restarts, refusals, a disk that refuses.

use std::collections::BTreeMap;

use lettre::Message;

use super::*;
use crate::store::saved::{Asked, Sending};
use crate::store::trial::{FaultyDisk, Place};
use crate::store::trials::eventually;

/// A server that says what it is told to, and keeps what it took.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    /// What it says to letters for somebody, beside taking them.
    says: BTreeMap<&'static str, Failure>,
    /// Recipient and Message-ID of each letter that it took.
    took: Vec<(String, String)>,
}

impl Server {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    fn carriers(&self) -> Carriers {
        let server = self.clone();
        Box::new(move |_| Box::new(server.clone()))
    }

    fn recipients(&self) -> Vec<String> {
        let mut took: Vec<_> = self
            .script()
            .took
            .iter()
            .map(|(to, _)| to.clone())
            .collect();
        took.sort();
        took
    }
}

impl Carrier for Server {
    fn carry(&mut self, letter: &Message) -> Result<(), Failure> {
        let to = letter.envelope().to()[0].to_string();
        let mut script = self.script();
        let name = to.split('@').next().unwrap();
        if let Some(failure) = script.says.get(name) {
            return Err(failure.clone());
        }
        let id = letter.headers().get_raw("Message-ID").unwrap().to_owned();
        script.took.push((to, id));
        Ok(())
    }

    fn rest(&mut self) {}
}

/// A house in which everything may be sent.
struct Open;

impl House for Open {
    fn zone(&self, report: &SavedReport) -> Result<TimeZone, Withheld> {
        if report.saved_by == "gone" {
            return Err(Withheld::NoUser("gone".into()));
        }
        Ok(TimeZone::UTC)
    }

    fn content(&self, report: &SavedReport, due: WallTime) -> Result<Content, String> {
        Ok(Content {
            subject: format!("{} {due}", report.name),
            ..Content::default()
        })
    }
}

fn settings() -> Settings {
    Settings {
        host: "mail.example".into(),
        port: 465,
        security: crate::notify::settings::Security::Tls,
        login: None,
        from: "ringtag@shop.example".parse().unwrap(),
        authorities: None,
    }
}

/// A report whose last turn came within the last seven days, whatever day it is.
fn weekly(recipients: &[&str]) -> SavedReport {
    SavedReport {
        id: "ab12".into(),
        project: "shop".into(),
        name: "Sources".into(),
        report: "sources".into(),
        filter: Vec::new(),
        language: "en".into(),
        saved_by: "anna".into(),
        saved_at: WallTime::default(),
        sending: Some(Sending {
            weekday: 3,
            hour: 4,
            recipients: recipients.iter().map(|&to| to.into()).collect(),
            since: WallTime::default(),
        }),
    }
}

fn start(store: &Store, server: &Server, settings: Option<Settings>) -> Post {
    let clock = Clock::start();
    Post::start(
        store.clone(),
        clock,
        Arc::new(Open),
        settings,
        server.carriers(),
    )
    .unwrap()
}

fn later(why: &str) -> Failure {
    Failure::Later(why.into())
}

#[test]
fn a_due_letter_goes_to_each_recipient_once_over_restarts() {
    let place = Place::new();
    let server = Server::default();
    let (store, _) = place.open();
    store
        .save_report(weekly(&["anna@shop.example", "boris@shop.example"]), "anna")
        .unwrap();
    server.script().says.insert("boris", later("421 busy"));
    let post = start(&store, &server, Some(settings()));
    eventually("anna has hers, and boris waits", || {
        let waiting = post.waiting();
        server.recipients() == ["anna@shop.example"]
            && waiting
                .first()
                .is_some_and(|waits| waits.tries == 1 && waits.why.as_deref() == Some("421 busy"))
    });
    assert_eq!(post.counts(), (1, 1));
    post.stop();
    drop((post, store));
    // The next process knows who has it, and begins with who has not.
    let (store, _) = place.open();
    server.script().says.clear();
    let post = start(&store, &server, Some(settings()));
    eventually("boris has it", || server.recipients().len() == 2);
    eventually("the log says so", || post.counts().0 == 0);
    post.stop();
    drop((post, store));
    // Nor does one that makes everything again from the log send it again.
    Store::reindex(place.setup()).unwrap();
    let (store, _) = place.open();
    let saved = store.saved();
    assert_eq!(saved.list().len(), 1);
    let first = saved.list()[0].delivered().unwrap().mailed.clone();
    assert!(saved.list()[0].is_settled(&first.period, "anna@shop.example"));
    assert!(saved.list()[0].is_settled(&first.period, "boris@shop.example"));
    let post = start(&store, &server, Some(settings()));
    store
        .ask_letter(asked("2026-11-22T10:00:00.000Z", "clara@shop.example"))
        .unwrap();
    post.wake();
    eventually("what is asked for beside it comes", || {
        server.recipients().len() == 3
    });
    post.stop();
    assert_eq!(
        server.recipients(),
        [
            "anna@shop.example",
            "boris@shop.example",
            "clara@shop.example"
        ]
    );
    assert_eq!(first.message_id, server.script().took[1].1);
    assert!(matches!(
        store.verify().unwrap(),
        crate::store::handle::Verdict::Whole { .. }
    ));
}

fn asked(period: &str, to: &str) -> Asked {
    Asked {
        report: "ab12".into(),
        period: period.into(),
        due: WallTime::from_millis(1_795_253_400_125),
        recipients: vec![to.into()],
        by: "anna".into(),
    }
}

#[test]
fn whoever_is_refused_for_good_is_kept_with_the_reason_and_may_be_asked_for_again() {
    let place = Place::new();
    let server = Server::default();
    let (store, _) = place.open();
    store
        .save_report(weekly(&["anna@shop.example", "boris@shop.example"]), "anna")
        .unwrap();
    server
        .script()
        .says
        .insert("anna", Failure::Never("550 no such user".into()));
    let post = start(&store, &server, Some(settings()));
    eventually("both have come to an end", || {
        server.recipients() == ["boris@shop.example"] && !store.saved().list()[0].dead.is_empty()
    });
    let dead = store.saved().list()[0].dead[0].mailed.clone();
    assert_eq!(
        (dead.recipient.as_str(), dead.dead.as_deref()),
        ("anna@shop.example", Some("550 no such user"))
    );
    server.script().says.clear();
    store
        .ask_letter(Asked {
            due: dead.due,
            ..asked(&dead.period, &dead.recipient)
        })
        .unwrap();
    post.wake();
    eventually("anna has it", || server.recipients().len() == 2);
    eventually("nothing is dead", || {
        store.saved().list()[0].dead.is_empty()
    });
    post.stop();
    let took = server.script().took.clone();
    assert!(
        took.contains(&(dead.recipient, dead.message_id)),
        "the same letter: {took:?}"
    );
}

#[test]
fn nothing_more_is_sent_while_the_log_cannot_say_what_was() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    let server = Server::default();
    store
        .save_report(weekly(&["anna@shop.example", "boris@shop.example"]), "anna")
        .unwrap();
    server.script().says.insert("anna", later("busy"));
    server.script().says.insert("boris", later("busy"));
    let post = start(&store, &server, Some(settings()));
    eventually("both were tried", || {
        post.waiting()
            .iter()
            .filter(|waits| waits.tries == 1)
            .count()
            == 2
    });
    disk.fault(|fault| fault.is_sync_failing = true);
    server.script().says.clear();
    post.hurry();
    eventually("one was taken", || !server.recipients().is_empty());
    post.wake();
    eventually("it was tried to say so", || {
        store.health().disk_error.is_some()
    });
    assert_eq!(server.recipients().len(), 1);
    disk.fault(|fault| fault.is_sync_failing = false);
    eventually("both have theirs", || {
        post.wake();
        server.recipients().len() == 2
    });
    eventually("the log says so", || {
        let saved = store.saved();
        let period = saved.list()[0]
            .delivered()
            .map(|ended| ended.mailed.period.clone());
        period.is_some_and(|period| {
            ["anna@shop.example", "boris@shop.example"]
                .iter()
                .all(|to| saved.list()[0].is_settled(&period, to))
        })
    });
    post.stop();
    assert_eq!(server.recipients().len(), 2);
}

#[test]
fn without_mail_or_without_who_saved_it_nothing_is_sent_and_why_is_known() {
    let place = Place::new();
    let server = Server::default();
    let (store, _) = place.open();
    store
        .save_report(weekly(&["anna@shop.example"]), "anna")
        .unwrap();
    let gone = SavedReport {
        id: "cd34".into(),
        saved_by: "gone".into(),
        ..weekly(&["boris@shop.example"])
    };
    store.save_report(gone, "anna").unwrap();
    let post = start(&store, &server, None);
    eventually("it is known", || {
        post.withheld("ab12") == Some(Withheld::NoMail)
    });
    assert!(!post.is_set_up() && post.waiting().is_empty());
    post.set(Some(settings()));
    eventually("anna has hers late", || {
        server.recipients() == ["anna@shop.example"]
    });
    eventually("the other one is withheld", || {
        post.withheld("cd34") == Some(Withheld::NoUser("gone".into()))
            && post.withheld("ab12").is_none()
    });
    store.remove_saved("cd34", "anna").unwrap();
    assert!(matches!(
        store.remove_saved("cd34", "anna"),
        Err(crate::store::saved::SavedError::Gone)
    ));
    post.stop();
    assert_eq!(server.recipients().len(), 1);
}
