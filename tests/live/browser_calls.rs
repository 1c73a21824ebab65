//! A manager's morning in Chromium: a call rings, is answered and ends before their eyes; they listen, say what it was, find
//! it again and take it away.

use std::fs;
use std::path::{Path, PathBuf};

use ringtag::base::chance::Chance;
use ringtag::people::password::Kept;
use ringtag::phones::g711::Law;
use ringtag::phones::tone::Tone;
use serde_json::Value;

use crate::browser::Browser;
use crate::harness::{Ringtag, wait_for};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};
use crate::week::{HOSTILE, PASSWORD, Week};

/// A second of a voice as sipp streams it: half of it a tone, half silence.
fn voice(folder: &Path, hz: u32) -> PathBuf {
    let mut tone = Tone::new(hz);
    let codes: Vec<u8> = (0..8_000)
        .map(|n| Law::A.encode(if n < 4_000 { tone.next_sample() } else { 0 }))
        .collect();
    let file = folder.join(format!("{hz}.al"));
    fs::write(&file, codes).unwrap();
    file
}

/// A phone that answers and speaks.
pub(crate) fn called(ringtag: &Ringtag) -> Script {
    let rings = Script::callee("called").expect_call().reply(180);
    speaks(ringtag, rings.describe(200, "sendrecv"))
}

/// A phone that rings until it is told to answer, and speaks.
pub(crate) fn ringing(ringtag: &Ringtag) -> Script {
    let rings = Script::callee("ringing").keep("INVITE").reply(180);
    speaks(ringtag, rings.wait().late_answer())
}

fn speaks(ringtag: &Ringtag, answered: Script) -> Script {
    let voice = voice(ringtag.folder.path(), 400);
    answered
        .expect("ACK")
        .stream(&voice.to_string_lossy())
        .expect("BYE")
        .reply(200)
}

/// A phone that calls, speaks until it is told to stop, and hangs up.
pub(crate) fn caller(ringtag: &Ringtag) -> Script {
    let voice = voice(ringtag.folder.path(), 700);
    Script::talker("caller")
        .stream(&voice.to_string_lossy())
        .wait()
        .request("BYE", "")
        .response(200)
}

/// A ringtag with a manager in it.
fn with_anna() -> Ringtag {
    let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
    Ringtag::start(&format!(
        "{TO_DESK}[[user]]\nname = \"anna\"\nrole = \"manager\"\npassword = \"{hash}\"\n"
    ))
}

/// A browser in which somebody signed in by the page's own form.
pub(crate) fn signed_in(site: &str, name: &str) -> Browser {
    let browser = Browser::start(1_280, 900);
    browser.sign_in(site, name);
    browser
}

/// Waits until the only call's recording is finished, and returns the call.
pub(crate) fn whole(browser: &Browser) -> Value {
    let call = wait_for(|| {
        let calls = browser.ask("return (await fetch('/api/v1/calls')).json();");
        let call = calls["calls"][0].clone();
        (!call["recording"]["sha256"].is_null()).then_some(call)
    });
    call.expect("the finished recording")
}

/// Hears in the page what goes to the loudspeakers.
const LISTEN: &str = "const make = AudioContext.prototype.createChannelMerger;
    AudioContext.prototype.createChannelMerger = function (...inputs) {
        const merger = make.apply(this, inputs);
        window.ear = this.createAnalyser();
        ear.smoothingTimeConstant = 0;
        merger.connect(ear);
        return merger;
    };";
/// How loud 700 Hz and 400 Hz are there, in decibels.
const HEARD: &str = "(() => { const bins = new Float32Array(ear.frequencyBinCount); \
                     ear.getFloatFrequencyData(bins); \
                     return [700, 400].map((hz) => bins[Math.round(hz * ear.fftSize / ear.context.sampleRate)]); })()";

/// Where the audio element is, when it plays.
const PLAYED: &str = "(() => { const audio = document.querySelector('audio'); \
                      return !audio.paused && audio.currentTime; })()";

#[test]
fn a_call_rings_is_answered_and_ends_before_ones_eyes_and_is_played_tagged_found_and_exported() {
    let ringtag = with_anna();
    let site = format!("http://{}:8080", ringtag.net.ringtag());
    let browser = signed_in(&site, "anna");
    browser.see("document.querySelector('#live-state').textContent");
    let pbx = Sipp::play(&ringtag, &ringing(&ringtag), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &caller(&ringtag), ringtag.net.carrier());
    browser.see("document.querySelector('tr.call.ringing')");
    pbx.go_on();
    browser.see("document.querySelector('tr.call.talking')");

    // While they talk: what there is of the recording is played.
    browser.click("tr.call th.caller a");
    browser.see("document.querySelector('.player[data-grows]')");
    browser.see("document.querySelector('.player .length').textContent >= '0:02'");
    browser.see("!document.querySelector('.player-grows').hidden");
    browser.click(".player .play");
    browser.see(&format!("{PLAYED} > 0.3"));
    browser.see("document.querySelector('.player .length').textContent >= '0:09'");
    carrier.go_on();
    carrier.succeed();
    pbx.succeed();
    browser.see("document.querySelector('.player-grows').hidden");
    browser.see("document.querySelector('#head .badge.answered')");

    // The whole of it: played, and sought by key and by mouse.
    whole(&browser);
    browser.open(&browser.address());
    browser.see("document.querySelector('.player:not([data-grows]) .axis span')");
    browser.run(LISTEN);
    // However long the looks take, there is sound to hear.
    browser.run("document.querySelector('audio').loop = true;");
    browser.press(" ");
    browser.see(&format!("{PLAYED} > 0.5"));
    // Both are heard, or one of them alone: the caller's voice is at 700 Hz, the manager's at 400.
    browser.see(&format!("{HEARD}[0] > -50"));
    browser.see(&format!("{HEARD}[1] > -50"));
    browser.click(".heard label:first-of-type");
    browser.see(&format!("{HEARD}[0] > -50"));
    browser.see(&format!("{HEARD}[0] > {HEARD}[1] + 30"));
    browser.click(".heard label:last-of-type");
    browser.see(&format!("{HEARD}[1] > {HEARD}[0] + 30"));
    // Keys lie where they lie, whatever alphabet is on them.
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'л', code: 'KeyK', bubbles: true }));");
    browser.see("document.querySelector('audio').paused");
    browser.click(".player .slider");
    let [middle, length] = ["currentTime", "duration"].map(|of| {
        let seen = browser.see(&format!("document.querySelector('audio').{of}"));
        seen.as_f64().unwrap()
    });
    assert!(
        (middle / length - 0.5).abs() < 0.1,
        "{middle} of {length} s"
    );
    browser.press("\u{e012}");
    browser.see(&format!(
        "document.querySelector('audio').currentTime < {middle} - 3"
    ));
    browser.press("\u{e010}");
    browser.see(&format!(
        "document.querySelector('.slider').getAttribute('aria-valuenow') > {length} - 2"
    ));
    browser.press("\u{e011}");
    browser.see("document.querySelector('.player .at').textContent === '0:00'");
    // Somebody speaks from its beginning to its end, and each on their own half.
    let bars = browser.ask(
        "const bytes = new Uint8Array(await (await fetch(document.querySelector('.player').dataset.peaks)).arrayBuffer());
         let [caller, callee] = [0, 0];
         for (let n = 24; n < bytes.length; n += 4) { caller += bytes[n] > 60; callee += bytes[n + 2] > 60; }
         return [caller, callee];",
    );
    for side in [0, 1] {
        assert!(bars[side].as_u64().unwrap() > 40, "{bars}");
    }

    // A note at a moment, and a link to it.
    browser.press("n");
    browser.see("document.activeElement.id === 'pin-text'");
    browser.fill("#pin-text", "asks for <b>the price</b>");
    browser.click(".pin-form .main");
    browser.see_text(".pins .pin-text", "asks for <b>the price</b>");
    browser.see("document.querySelectorAll('.marks span').length === 1");
    let address = browser.address();
    browser.open("about:blank");
    browser.open(&format!("{address}#t=5"));
    browser.see("document.querySelector('.player .at').textContent === '0:05'");
    browser.see_text(".pins .pin-text", "asks for <b>the price</b>");
    browser.is_open_to_all();

    // A note of one's own is no change of somebody else's that the form would ask about.
    browser.press("n");
    browser.fill("#pin-text", "wants it today");
    browser.click(".pin-form .main");
    browser.see("document.querySelectorAll('.pins li').length === 2");

    // What it was, by the form; then found by it, and taken away.
    browser.click("#say input[name='goal'][value='price']");
    browser.fill("#new-tag", "hot lead");
    browser.click("#say .save .main");
    browser.see("document.querySelector('#save-state.good')");
    browser.open(&format!("{site}/?tag=hot+lead"));
    browser.see("document.querySelectorAll('tr.call').length === 1");
    browser.open(&format!("{site}/?tag=cold"));
    browser.see(
        "document.querySelectorAll('tr.call').length === 0 && document.querySelector('.empty')",
    );
    browser.open(&site);
    let table =
        browser.ask("return (await fetch(document.querySelector('a[download]').href)).text();");
    let table = table.as_str().unwrap();
    assert!(
        table.contains("+79990000001") && table.contains("hot lead"),
        "{table}"
    );
    browser.is_open_to_all();
    browser.is_quiet();
}

#[test]
fn what_a_telephone_says_of_itself_is_text_on_every_page() {
    let ringtag = with_anna();
    let site = format!("http://{}:8080", ringtag.net.ringtag());
    let hostile = caller(&ringtag)
        .spoken_by("\"<script>document.title='hacked'</script>\" <sip:%3Cimg%20src%3Dx%20onerror%3D1%3E@[local_ip]>;tag=f[call_number]")
        .also(&format!("User-Agent: {HOSTILE}\n"));
    let pbx = Sipp::play(&ringtag, &called(&ringtag), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &hostile, ringtag.net.carrier());
    let browser = signed_in(&site, "anna");
    browser.see("document.querySelector('tr.call.talking')");
    carrier.go_on();
    carrier.succeed();
    pbx.succeed();
    browser.see("document.querySelector('tr.call.answered')");
    let is_only_text = "![...document.querySelectorAll('main img, main script')].length && document.title.includes('ringtag')";
    browser.see(is_only_text);
    browser.see_text("tr.call th.caller", "<img");
    whole(&browser);
    browser.click("tr.call th.caller a");
    browser.see("document.querySelector('.player .axis span')");
    browser.see(is_only_text);
    browser.see_text("h1", "<img");
    browser.is_open_to_all();
    browser.is_quiet();
}

#[test]
fn two_people_at_once_notice_each_other_and_neither_is_lost() {
    let week = Week::start();
    let page = week.page(&format!("/calls/{}", week.recorded()));
    let anna = signed_in(&page, "anna");
    let root = signed_in(&page, "root");
    anna.see("document.querySelector('#say')");
    anna.fill("#note", "Anna writes");
    root.see("document.querySelector('#say')");
    root.click("#say input[name='goal'][value='order']");
    root.click("#say .save .main");
    root.see("document.querySelector('#save-state.good')");
    // She is told at once, by the live events, and what she wrote stays where it is.
    anna.see("!document.querySelector('#conflict').hidden");
    anna.see_text("#conflict", "root");
    anna.see("document.querySelector('#note').value === 'Anna writes'");
    anna.click("#conflict button[value='mine']");
    anna.see("document.querySelector('#save-state.good')");
    root.see("document.querySelector('#note').value === 'Anna writes'");
    root.see("document.querySelector('#say input[value=\"order\"]').checked");
    anna.see("document.querySelector('#say input[value=\"order\"]').checked");
    anna.is_open_to_all();
    anna.is_quiet();
    root.is_quiet();
}
