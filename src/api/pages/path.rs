//! The path of a call in words: who rang, how long, who answered, why it ended.

use crate::api::pages::show::{Shower, dialled, standing};
use crate::base::country;
use crate::store::record::CallRecord;
use crate::web::call::{Fact, Step};
use crate::web::figures;
use crate::web::frame::form_urlencoded;
use crate::web::row::Standing;

impl Shower {
    /// What happened, in order.
    pub(super) fn path(&self, call: &CallRecord) -> Vec<Step> {
        let words = self.words;
        let dates = self.dates(&call.project);
        let at = |at: Option<_>| at.map_or_else(String::new, |at| dates.time_exact(at));
        let step = |at: String, text: String, more: String| Step {
            at,
            text,
            more,
            standing: None,
        };
        let caller = self.caller(call.caller.as_ref());
        let number = country::written(call.virtual_number);
        let rule = call.rule.as_deref();
        let mut steps = vec![step(
            at(Some(call.started_at)),
            words.with_both("path-began", &caller, &number),
            rule.map_or_else(String::new, |rule| words.with("path-rule", rule)),
        )];
        if call.ringing_at.is_some() {
            let mut rings = step(at(call.ringing_at), words.say("path-rings"), String::new());
            rings.standing = Some(Standing::Ringing);
            steps.push(rings);
        }
        for tried in &call.targets_tried {
            // The one that answered is told as the answer.
            if call.answered_at.is_some() && tried.result.word() == "answered" {
                continue;
            }
            let name = self.target(&tried.target);
            let result = words.say(&format!("tried-{}", tried.result.word()));
            let text = words.with_both("path-tried", &name, &result);
            steps.push(step(
                String::new(),
                text,
                self.rang(tried.ring_ms, tried.trunk.as_deref(), tried.sip_status),
            ));
        }
        if call.answered_at.is_some() {
            let wait = call.wait_ms.map(|wait| {
                let span = figures::spoken(wait, words);
                words.with("path-after", &span)
            });
            let mut tried = call.targets_tried.iter();
            let tried = tried.find(|tried| tried.result.word() == "answered");
            let more = [
                wait,
                tried.map(|tried| {
                    self.rang(tried.ring_ms, tried.trunk.as_deref(), tried.sip_status)
                }),
            ];
            let more: Vec<String> = more.into_iter().flatten().collect();
            let mut answered = step(
                at(call.answered_at),
                words.with("path-answered", &self.answered_by(call)),
                more.join(" · "),
            );
            answered.standing = Some(Standing::Answered);
            steps.push(answered);
        }
        for sent in &call.transfers {
            let (by, to) = (self.target(&sent.by), self.target(&sent.to));
            let result = words.say(&format!("tried-{}", sent.result.word()));
            let text = words.with_both("path-sent-on", &by, &to);
            steps.push(step(at(Some(sent.at)), text, result));
        }
        steps.push(self.end(call, at(call.ended_at)));
        steps
    }

    /// How long a target rang, on which trunk, and what it said.
    fn rang(&self, ring_ms: u64, trunk: Option<&str>, sip_status: Option<u16>) -> String {
        let words = self.words;
        let rang = (ring_ms > 0).then(|| {
            let span = figures::spoken(ring_ms, words);
            words.with("path-rang", &span)
        });
        let trunk = trunk.map(|trunk| words.with("tried-trunk", trunk));
        let status = sip_status.map(|status| format!("SIP {status}"));
        let more: Vec<String> = [rang, trunk, status].into_iter().flatten().collect();
        more.join(" · ")
    }

    fn end(&self, call: &CallRecord, at: String) -> Step {
        let words = self.words;
        let standing = standing(call);
        let Some(reason) = call.finish_reason else {
            return Step {
                at,
                text: words.say("path-goes-on"),
                more: String::new(),
                standing: Some(standing),
            };
        };
        let by = call.hung_up_by.map(|by| format!("path-by-{}", by.word()));
        let why = words.say(&format!("why-{}", reason.word()));
        let by = by.map_or_else(String::new, |by| words.say(&by));
        // Who gave up hung up: once is enough.
        let is_twice = reason.word() == "caller-gave-up";
        let (text, more) = if is_twice {
            (why, String::new())
        } else if reason.word() == "completed" {
            (by, String::new())
        } else {
            (why, by)
        };
        Step {
            at,
            text,
            more,
            standing: Some(standing),
        }
    }

    /// `manager:desk`, `ext:101@pbx`, `number:+7…@carrier`, as people name them.
    pub(super) fn target(&self, target: &str) -> String {
        let (kind, rest) = target.split_once(':').unwrap_or(("", target));
        match kind {
            "manager" => self.manager(rest),
            "ext" | "number" => {
                let (number, _trunk) = rest.rsplit_once('@').unwrap_or((rest, ""));
                dialled(number)
            }
            _ => target.to_owned(),
        }
    }

    /// What is known of a call.
    pub(super) fn facts(&self, call: &CallRecord, administers: bool) -> Vec<Fact> {
        let words = self.words;
        let fact = |name: &str, text: Option<String>, query: Option<&str>| {
            let text = text.filter(|text| !text.is_empty())?;
            Some(Fact {
                label: words.say(name),
                href: query.map(|name| format!("/?{name}={}", form_urlencoded(&text))),
                text,
            })
        };
        let own = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        let span = |millis: Option<u64>| millis.map(|millis| figures::spoken(millis, words));
        let project = self.rules.tracking.project(&call.project);
        let project = project.map_or(&call.project, |project| &project.label);
        let number = country::written(call.virtual_number);
        let recording = call.recording.as_ref().map(|recording| {
            let state = format!("{:?}", recording.state).to_lowercase();
            words.say(&format!("recording-{state}"))
        });
        let shown = [
            fact("filter-project", Some(project.to_string()), None),
            fact(
                "filter-source",
                Some(call.source.to_string()),
                Some("source"),
            ),
            fact("fact-channel", own(&call.channel), None),
            fact("fact-campaign", own(&call.campaign), None),
            fact("filter-category", own(&call.category), Some("category")),
            fact("fact-number", Some(number), None),
            fact("filter-manager", Some(self.answered_by(call)), None),
            fact("fact-waited", span(call.wait_ms), None),
            fact(
                "fact-talked",
                span(call.talk_ms.filter(|_| call.answered)),
                None,
            ),
            fact("fact-recording", recording, None),
            fact("fact-sound", self.sound(call), None),
        ];
        let for_operators = [
            fact("fact-rule", own(&call.rule), None),
            fact("fact-caller-from", Some(call.caller_from.clone()), None),
            fact(
                "fact-sip",
                call.sip_status.map(|code| code.to_string()),
                None,
            ),
            fact(
                "fact-q850",
                call.q850_cause.map(|code| code.to_string()),
                None,
            ),
            fact("fact-id", Some(call.id.to_string()), None),
        ];
        let for_operators = for_operators.into_iter().filter(|_| administers);
        shown.into_iter().chain(for_operators).flatten().collect()
    }
}
