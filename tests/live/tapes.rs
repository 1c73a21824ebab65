//! Recordings as real phones make them: on hold they pause, keys stay out of them, and a long one in several packed files plays
//! as one.

use std::fs;

use ringtag::base::chance::Chance;
use ringtag::people::password::Kept;
use serde_json::{Value, json};

use crate::baresip::Pair;
use crate::browser_calls::signed_in;
use crate::harness::{CONFIG, PATIENCE, find, wait_for_at_most};
use crate::pjsip::{CALLEE_HZ, CALLER_HZ, Office};
use crate::sound::{RATE, assert_heard, assert_tone, share_of};
use crate::week::PASSWORD;

/// The frames of so many milliseconds.
fn frames(millis: &Value) -> usize {
    usize::try_from(millis.as_u64().unwrap()).unwrap() * (RATE as usize / 1_000)
}

#[test]
fn a_hold_that_stops_the_sound_both_ways_pauses_the_recording_until_they_talk_again() {
    let config = CONFIG.replace("[recordings]\n", "[recordings]\npause_on_hold = true\n");
    let mut office = Office::start(&config, json!({}), json!({}), &[180, 200]);
    office.talk();
    office.record(2);
    office.callee.offer("INVITE", "inactive");
    office.record(2);
    office.callee.offer("INVITE", "sendrecv");
    office.record(2);
    let (call, [left, right], _) = office.hang_up();
    let pauses = call["recording"]["pauses"].as_array().unwrap();
    assert_eq!(pauses.len(), 1, "{call}");
    assert_eq!(pauses[0]["by"], "hold");
    let (from, length) = (
        frames(&pauses[0]["from_ms"]),
        frames(&pauses[0]["length_ms"]),
    );
    assert!(length >= 2 * RATE as usize - RATE as usize / 2, "{call}");
    for (channel, hz, other) in [(left, CALLER_HZ, CALLEE_HZ), (right, CALLEE_HZ, CALLER_HZ)] {
        // A millisecond at each end is rounded.
        let paused = &channel[from + 8..from + length - 8];
        assert!(paused.iter().all(|sample| *sample == 0));
        let after = &channel[from + length..];
        assert_tone("before", &channel[..from], hz, other);
        assert_tone("after", after, hz, other);
    }
}

#[test]
fn keys_of_a_real_phone_are_neither_heard_nor_told_and_all_else_is_where_lost_packets_are_made_up()
{
    let config = CONFIG
        .replace("[recordings]\n", "[recordings]\nmask_digits = true\n")
        .replace("[media]\n", "[media]\nconceal = true\n");
    let mut office = Office::start(&config, json!({}), json!({}), &[180, 200]);
    office.talk();
    office.record(2);
    let key = json!({ "do": "digits", "digits": "7" });
    office.caller.tell(&key);
    let heard = json!({ "event": "digit", "digit": "7" });
    office.callee.wait_for(&heard);
    office.record(2);
    let (call, [left, right], _) = office.hang_up();
    assert_eq!(call["legs"][0]["digits"], "*", "{call}");
    assert_eq!(call["recording"]["state"], "complete", "{call}");
    // Where the key is there is no tone.
    assert_heard("left channel", &left, CALLER_HZ, CALLEE_HZ);
    assert_tone("right channel", &right, CALLEE_HZ, CALLER_HZ);
    // A tenth of a second and more is hidden, and no 852 Hz, which is half of a seven, is anywhere.
    let block = RATE as usize / 20;
    let spoken = &left[RATE as usize..left.len() - RATE as usize];
    let silent = spoken
        .chunks_exact(block)
        .filter(|some| some.iter().all(|one| *one == 0));
    assert!(silent.count() >= 2, "the key is not hidden");
    assert!(
        left.chunks_exact(block)
            .all(|some| share_of(some, 852) < 0.2)
    );
}

/// How many growing recordings a process has open.
fn growing(pid: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = open.filter_map(|one| fs::read_link(one.unwrap().path()).ok());
    links
        .filter(|link| link.to_string_lossy().ends_with(".wav.part"))
        .count()
}

#[test]
fn a_recording_of_several_packed_files_has_one_open_at_a_time_and_plays_as_one() {
    let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
    let mut pair = Pair::start_with("opus/48000/2");
    pair.config = pair.config.replace(
        "[recordings]\n",
        "[recordings]\npart_mb = 1\nformat = \"flac\"\n",
    );
    pair.config +=
        &format!("[[user]]\nname = \"anna\"\nrole = \"manager\"\npassword = \"{hash}\"\n");
    // Five and a half seconds a file.
    let ringtag = pair.talk(4);
    ringtag.wait_for("the third file", || {
        find(&ringtag.recordings(), ".3.wav.part")
    });
    // While one is finished the next is open already.
    ringtag.wait_for("one open file", || {
        (growing(ringtag.pid()) == 1).then_some(())
    });
    pair.caller.command("hangup", "");
    pair.caller.wait_for_event("CALL_CLOSED");
    // Packing stands back behind everything else that the machine does.
    let is_packed = wait_for_at_most(PATIENCE * 3, || {
        let packed = find(&ringtag.recordings(), ".3.flac").is_some();
        let left = [".wav", ".part"].map(|ending| find(&ringtag.recordings(), ending));
        (packed && left == [None, None]).then_some(())
    });
    assert!(is_packed.is_some(), "{}", ringtag.log());

    let site = format!("http://{}:8080", ringtag.net.ringtag());
    let browser = signed_in(&site, "anna");
    browser.click("tr.call th.caller a");
    browser.see("document.querySelector('.player:not([data-grows]) .axis span')");
    let page = browser.address();
    browser.open("about:blank");
    browser.open(&format!("{page}#t=5"));
    browser.see("document.querySelector('.player').dataset.parts.split(',').length === 3");
    browser.see("document.querySelector('.player .axis span')");
    browser.see("document.querySelector('.player .at').textContent === '0:05'");
    // The waveform is as long as the record says.
    browser.see(
        "document.querySelector('.slider').getAttribute('aria-valuemax') \
         == Math.floor(document.querySelector('.player').dataset.length / 1000)",
    );
    // From the first file into the second.
    let plays_at = |rate: f32| {
        browser.run(&format!(
            "const audio = document.querySelector('audio'); audio.defaultPlaybackRate = audio.playbackRate = {rate};"
        ));
    };
    // Slowly: it is to play while it is looked at.
    plays_at(0.25);
    browser.click(".player .play");
    browser.see("document.querySelector('audio').src.includes('part=2')");
    browser.see("!document.querySelector('audio').paused && document.querySelector('audio').currentTime > 0.2");
    browser.see("document.querySelector('.player .at').textContent >= '0:06'");
    plays_at(1.0);
    // Into the third by a key, and back into the first.
    browser.click(".player .slider");
    browser.press("\u{e010}");
    browser.see("document.querySelector('audio').src.includes('part=3')");
    browser.see("document.querySelector('audio').paused");
    browser.press("\u{e011}");
    browser.press("k");
    browser.see("!document.querySelector('audio').src.includes('part=')");
    browser.see("!document.querySelector('audio').paused && document.querySelector('audio').currentTime > 0.2");
    browser.is_quiet();
}
