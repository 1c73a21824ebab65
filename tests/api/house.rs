//! A house with a store and rules in a temporary folder, asked through the router.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use ringtag::api::gate::{Gate, Manned};
use ringtag::api::{State, router};
use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{Began, Ended, Fact, FinishReason, HungUpBy, SourceTag, What};
use ringtag::engine::gauges::Gauges;
use ringtag::people::password::Kept;
use ringtag::recording::command::{Outcome, State as Whole};
use ringtag::store::Store;
use ringtag::store::handle::Setup;
use ringtag::store::token::NewToken;

pub(crate) const CONFIG: &str = r#"
[sip]
listen = ["udp:127.0.0.1:5060"]
[store]
folder = "data"
[recordings]
folder = "recordings"
[[trunk]]
id = "carrier"
host = "127.0.0.1:5066"
[[trunk]]
id = "pbx"
host = "127.0.0.1:5070"
[[project]]
id = "shop"
time_zone = "Europe/Moscow"
deal_profit = 3000
[[source]]
tag = "direct"
project = "shop"
category = "mowers"
numbers = "+74950000001"
[[manager]]
id = "desk"
extension = "101"
trunk = "pbx"
[[rule]]
id = "nuisance"
caller = "+7800*"
reject = 603
[[rule]]
id = "mowers"
category = "mowers"
to = "manager:desk"
"#;

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "the usual words";

/// Users of every role who see everything, and one who sees another project alone.
pub(crate) fn crew() -> String {
    static KEPT: LazyLock<String> = LazyLock::new(|| {
        let kept = Kept::make(PASSWORD, &mut Chance::from_number(5)).unwrap();
        kept.to_string()
    });
    let user = |name: &str, role: &str, more: &str| {
        format!(
            "[[user]]\nname = \"{name}\"\nrole = \"{role}\"\npassword = \"{}\"\n{more}",
            *KEPT
        )
    };
    [
        "[[project]]\nid = \"clinic\"\n".to_owned(),
        user("anna", "admin", ""),
        user("boris", "manager", ""),
        user("vera", "listener", ""),
        user("gleb", "analyst", ""),
        user("clara", "manager", "projects = \"clinic\"\n"),
    ]
    .concat()
}

/// A house with a store and rules, asked through the router.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) state: State,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// A house whose configuration says more.
    pub(crate) fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ringtag.toml");
        std::fs::write(&file, format!("{CONFIG}{more}")).unwrap();
        let config = ringtag::config::load(&file).unwrap().config;
        let rules = config.shown();
        let clock = Clock::start();
        let (store, _) = Store::open(Setup {
            settings: config.store,
            recordings: config.recordings.folder.clone(),
            node: "test".into(),
            clock,
            chance: Chance::from_number(1),
        })
        .unwrap();
        let gauges = Arc::new(Gauges::default());
        let manned = Manned {
            users: config.users,
            web: config.web,
        };
        let gate = Gate::new(manned, Chance::from_number(2));
        let state = State::new(store, gauges, clock, config.recordings.folder, rules, gate);
        Self { folder, state }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = router(self.state.clone()).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap()
            .to_vec();
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form, as a program does: no browser says where it comes from.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form.to_owned())).unwrap())
            .await
    }

    /// Logs somebody of the crew in: their cookie, and the token that their pages send with changes.
    pub(crate) async fn log_in(&self, name: &str) -> (String, String) {
        let form = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.post("/login", &[], &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        self.session_of(&answer).await
    }

    /// Comes in by the link of a house without users: as [`Self::log_in`].
    pub(crate) async fn enter(&self) -> (String, String) {
        let token = self.state.gate.link().unwrap();
        let answer = self.get(&format!("/enter?token={token}")).await;
        self.session_of(&answer).await
    }

    async fn session_of(&self, answer: &Answer) -> (String, String) {
        let cookie = answer
            .header(header::SET_COOKIE)
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let me = self
            .ask(Method::GET, "/api/v1/me", &[("cookie", &cookie)])
            .await;
        (cookie, me.json()["csrf"].as_str().unwrap().to_owned())
    }

    /// Makes an API token: its secret and its id.
    pub(crate) fn token(
        &self,
        name: &str,
        role: &str,
        projects: Option<Vec<String>>,
    ) -> (String, String) {
        let secret = format!("secret of {name}");
        let new = NewToken {
            name: name.to_owned(),
            hash: hex::encode(Sha256::digest(&secret)),
            role: role.to_owned(),
            projects,
        };
        let token = self.state.store.make_token(new, "anna").unwrap();
        (secret, token.id)
    }

    /// A call that was answered and ended, or missed.
    pub(crate) fn call(&self, n: i64, caller: Caller, answered: bool) -> CallId {
        let at = WallTime::from_millis(1_795_253_400_000 + n * 60_000);
        let id = CallId::new(at, &mut Chance::from_number(n.cast_unsigned()));
        let tell = |what| {
            self.state.store.tell(Fact {
                call: id,
                at,
                mono: Moment::from_millis(1),
                what,
            });
        };
        tell(What::Began(Box::new(Began {
            source: SourceTag {
                project: "shop".into(),
                tag: "direct".into(),
                channel: None,
                campaign: Some("весна".into()),
                category: Some("mowers".into()),
            },
            tracked: true,
            caller,
            caller_from: "From".to_owned(),
            virtual_number: Number::e164("+74950000001").unwrap(),
            trunk: "carrier".into(),
            sip_call_id: format!("call-{n}"),
            prior_calls: 0,
            rule: Some("mowers".into()),
        })));
        tell(What::Ended(Box::new(Ended {
            rule: Some("mowers".into()),
            targets_tried: Vec::new(),
            manager: answered.then(|| "desk".into()),
            destination: answered.then(|| "101".to_owned()),
            ringing_at: None,
            answered_at: answered.then_some(at),
            wait_ms: 1_000,
            talk_ms: if answered { 4_000 } else { 0 },
            total_ms: 5_000,
            answered,
            missed: !answered,
            finish_reason: if answered {
                FinishReason::Completed
            } else {
                FinishReason::NoAnswer
            },
            hung_up_by: HungUpBy::Caller,
            sip_status: Some(if answered { 200 } else { 480 }),
            q850_cause: None,
            legs: Vec::new(),
            transfers: Vec::new(),
        })));
        id
    }

    /// A call with a recording of these bytes.
    pub(crate) fn recorded(&self, n: i64, sound: &[u8]) -> CallId {
        let id = self.call(n, Caller::Anonymous, true);
        let file = PathBuf::from(format!("2026/11/21/{id}.wav"));
        let path = self.state.recordings.join(&file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, sound).unwrap();
        self.state.store.recorded(Outcome {
            call: id,
            file,
            duration_ms: 1,
            sample_rate_hz: 8_000,
            channels: 2,
            bytes: sound.len() as u64,
            state: Whole::Complete,
            gaps: Vec::new(),
            pauses: Vec::new(),
            parts: Vec::new(),
        });
        self.state.store.sync().unwrap();
        id
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The code of an error, which must have its sentence too.
    pub(crate) fn code(&self) -> String {
        let error = &self.json()["error"];
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| text.len() > 10),
            "{error}"
        );
        error["code"].as_str().unwrap().to_owned()
    }
}
