//! Who follows a call in Chromium while its recording grows from one file into the next hears every moment of it, once.

use ringtag::base::chance::Chance;
use ringtag::people::password::Kept;
use serde_json::Value;

use crate::baresip::Pair;
use crate::browser_calls::{signed_in, whole};
use crate::week::PASSWORD;

/// Notes where each piece begins that the audio element is given, and how long each is that it played to its end.
const NOTE: &str = "window.heard = [];
    const audio = document.querySelector('audio');
    const file = () => Number(new URL(audio.src).searchParams.get('part') ?? 1);
    audio.addEventListener('seeked', () => heard.push(['from', file(), audio.currentTime]), true);
    audio.addEventListener('loadedmetadata', () => heard.push(['from', file(), audio.currentTime]), true);
    audio.addEventListener('ended', () => heard.push(['ended', file(), audio.duration]), true);";

/// What lies between two of its own moments is less than the player rounds and a browser's clock is apart.
const SAME_S: f64 = 0.15;

/// One note: what it is of, the file, and the moment in it.
fn note(said: &Value) -> (&str, u64, f64) {
    let [what, file, at] = [0, 1, 2].map(|n| &said[n]);
    (
        what.as_str().unwrap(),
        file.as_u64().unwrap(),
        at.as_f64().unwrap(),
    )
}

#[test]
fn a_recording_that_grows_over_several_files_is_followed_without_a_moment_left_out() {
    let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
    let mut pair = Pair::start_with("opus/48000/2");
    // Five and a half seconds a file.
    pair.config = pair
        .config
        .replace("[recordings]\n", "[recordings]\npart_mb = 1\n");
    pair.config +=
        &format!("[[user]]\nname = \"anna\"\nrole = \"manager\"\npassword = \"{hash}\"\n");
    let site = format!("http://{}:8080", pair.net.ringtag());
    let _ringtag = pair.talk(4);
    let browser = signed_in(&site, "anna");
    browser.click("tr.call th.caller a");
    browser.see("document.querySelector('.player[data-grows]')");
    browser.run(NOTE);
    browser.click(".player .play");
    // It plays what there is, over into a file that did not exist when the page was made.
    browser.see("heard.some(([what, file]) => what === 'ended' && file === 3)");
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    browser.see("document.querySelector('.player-grows').hidden");
    let heard = browser.run("return heard;");

    let call = whole(&browser);
    let parts = call["recording"]["parts"].as_array().unwrap();
    let later: f64 = parts.iter().map(seconds).sum();
    let first = seconds(&call["recording"]) - later;
    let lengths: Vec<f64> = std::iter::once(first)
        .chain(parts.iter().map(seconds))
        .collect();

    let notes: Vec<_> = heard.as_array().unwrap().iter().map(note).collect();
    let mut joints = 0;
    for (n, (what, file, end)) in notes.iter().enumerate() {
        if *what != "ended" {
            continue;
        }
        let follows = notes[n..].iter().find(|(what, ..)| *what == "from");
        let Some((_, next, from)) = follows else {
            break;
        };
        joints += 1;
        if next == file {
            assert!((from - end).abs() < SAME_S, "{heard}");
        } else {
            let whole = lengths[usize::try_from(*file).unwrap() - 1];
            assert!(*next == file + 1 && *from < SAME_S, "{heard}");
            assert!(
                (end - whole).abs() < SAME_S,
                "file {file} has {whole} s: {heard}"
            );
        }
    }
    assert!(joints >= 2, "{heard}");
    browser.is_quiet();
}

fn seconds(of: &Value) -> f64 {
    of["duration_ms"].as_f64().unwrap() / 1_000.0
}
