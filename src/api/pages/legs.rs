//! The legs of a call as the page shows them: to operators with every figure, to everyone by how each sounded.

use crate::api::pages::show::Shower;
use crate::store::record::CallRecord;
use crate::web::call::LegView;
use crate::web::figures;

/// From here on most who listen are content, and from there on some are not (ITU-T G.107 Annex B, R of 80 and of 70).
const GOOD: f32 = 4.0;
const FAIR: f32 = 3.6;

impl Shower {
    /// Each leg with its figures.
    pub(super) fn legs(&self, call: &CallRecord) -> Vec<LegView> {
        let legs = call.legs.iter().map(|leg| LegView {
            role: self.role(leg.role.map(|role| role.word())),
            trunk: leg.trunk.to_string(),
            uri: leg.remote_uri.clone(),
            call_id: leg.sip_call_id.clone(),
            codec: leg.codec.clone().unwrap_or_default(),
            packets: format!("{} / {}", leg.packets_in, leg.packets_out),
            lost: self.lost(Some(leg.lost), Some(leg.jitter_ms)),
            lost_there: self.lost(leg.lost_there, leg.jitter_there_ms),
            way: leg.rtt_ms.map(|way| self.millis(way)).unwrap_or_default(),
            mos: leg
                .mos_estimate
                .map(|mos| self.figure(mos))
                .unwrap_or_default(),
            digits: leg.digits.clone(),
        });
        legs.collect()
    }

    /// How each side sounded, by an estimate of what reached ringtag; `None`: nothing is known of any.
    pub(super) fn sound(&self, call: &CallRecord) -> Option<String> {
        let known = call.legs.iter().filter_map(|leg| {
            let mos = leg.mos_estimate?;
            let word = match mos {
                GOOD.. => "sound-good",
                FAIR.. => "sound-fair",
                _ => "sound-poor",
            };
            let how = self.words.with(word, &self.figure(mos));
            Some(self.words.with_both(
                "sound-of",
                &self.role(leg.role.map(|role| role.word())),
                &how,
            ))
        });
        let known: Vec<_> = known.collect();
        (!known.is_empty()).then(|| known.join("; "))
    }

    /// What a leg was to the call, where its record says.
    fn role(&self, word: Option<&str>) -> String {
        let say = |word| self.words.say(&format!("leg-{word}"));
        word.map_or_else(String::new, say)
    }

    /// Packets and jitter; empty where nobody reported them.
    fn lost(&self, lost: Option<u64>, jitter_ms: Option<f32>) -> String {
        let lost = lost.map(|lost| figures::grouped(lost, self.words.language()));
        let jitter = jitter_ms.map(|jitter| self.millis(jitter));
        let both = [lost, jitter].into_iter().flatten();
        both.collect::<Vec<_>>().join(" · ")
    }

    fn millis(&self, millis: f32) -> String {
        self.words.with("leg-ms", &self.figure(millis))
    }

    fn figure(&self, figure: f32) -> String {
        figures::number(figure.into(), self.words.language())
    }
}
