//! Who runs ringtag, in Chromium: a call is watched on the wall, its messages are read while it talks, it is hung up by hand,
//! and what left the house is seen.

use ringtag::base::chance::Chance;
use ringtag::people::password::Kept;
use serde_json::Value;

use crate::browser::Browser;
use crate::browser_calls::{called, ringing, signed_in};
use crate::browser_rights::status;
use crate::harness::{Ringtag, wait_for};
use crate::script::Script;
use crate::sipp::{Sipp, TO_DESK};
use crate::week::{HOSTILE, PASSWORD, Week};

/// A ringtag with an administrator in it.
fn with_root() -> Ringtag {
    let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
    Ringtag::start(&format!(
        "{TO_DESK}[[user]]\nname = \"root\"\nrole = \"admin\"\npassword = \"{hash}\"\n"
    ))
}

/// The newest call, as the API tells whoever is signed in.
fn newest(browser: &Browser) -> Value {
    browser.ask("return (await (await fetch('/api/v1/calls')).json()).calls[0];")
}

/// A phone of markup that talks until the other side hangs up.
fn patient() -> Script {
    Script::caller("patient")
        .invite(true)
        .also(&format!("User-Agent: {HOSTILE}\n"))
        .spoken_by("\"<script>document.title='hacked'</script>\" <sip:+79990000001@[local_ip]>;tag=f[call_number]")
        .provisionals(&[100, 180])
        .response(200)
        .ack(false)
        .expect("BYE")
        .reply(200)
}

#[test]
fn the_messages_of_a_call_are_read_while_it_talks_and_a_button_hangs_it_up() {
    let ringtag = with_root();
    let site = format!("http://{}:8080", ringtag.net.ringtag());
    let browser = signed_in(&site, "root");
    browser.see("document.querySelector('#live-state').textContent");
    let pbx = Sipp::play(&ringtag, &called(&ringtag), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &patient(), ringtag.net.carrier());
    browser.see("document.querySelector('tr.call.talking')");
    browser.click("tr.call th.caller a");
    browser.see("document.querySelector('#head .badge.talking')");

    // Two lanes beside ours, and the messages of both in order.
    browser.click("#ladder summary");
    browser.see("document.querySelectorAll('#ladder li').length >= 8");
    let said = browser.run(
        "return [...document.querySelectorAll('#ladder li .unseen')].map((one) => one.textContent.split(': ')[1]);",
    );
    let said: Vec<&str> = said
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one.as_str())
        .collect();
    let is_of = |said: &str, first: &str, method: &str| {
        said.starts_with(first) && (said == method || said.ends_with(&format!("({method})")))
    };
    for (first, method) in [
        ("INVITE", "INVITE"),
        ("180", "INVITE"),
        ("200", "INVITE"),
        ("ACK", "ACK"),
    ] {
        let times = said.iter().filter(|one| is_of(one, first, method)).count();
        assert_eq!(times, 2, "{first} {method} in {said:?}");
    }
    // A message opens, and what the phone calls itself in it is text.
    browser.click("#ladder li button");
    browser.see(
        "document.querySelector('#ladder li button').getAttribute('aria-expanded') === 'true'",
    );
    browser.see_text("#ladder pre", HOSTILE);
    browser.see_text("#ladder pre", "<script>document.title='hacked'</script>");
    browser.see(
        "!document.querySelector('main img, main script') && document.title.includes('ringtag')",
    );
    browser.is_open_to_all();

    // Asked first, and then ended; both phones are told.
    browser.click(".hang-up");
    browser.refuse();
    browser.see("document.querySelector('#head .badge.talking') && !document.querySelector('.hang-up').disabled");
    browser.click(".hang-up");
    browser.accept();
    browser.see("document.querySelector('#head .badge.answered')");
    browser.see("!document.querySelector('.hang-up')");
    browser.see_text("#head", "Ended by an administrator");
    carrier.succeed();
    pbx.succeed();
    assert_eq!(newest(&browser)["finish_reason"], "hung-up-by-operator");
    ringtag.wait_for("a line that says who did it", || {
        let log = ringtag.log();
        let mut lines = log.lines();
        lines.find(|line| line.contains("a call is hung up by hand") && line.contains("root"))?;
        Some(())
    });

    // Its end is in the ladder too.
    browser.open(&browser.address());
    browser.click("#ladder summary");
    browser.see(
        "[...document.querySelectorAll('#ladder li .unseen')].filter((one) => one.textContent.endsWith(': BYE')).length === 2",
    );
    browser.is_open_to_all();
    browser.is_quiet();
}

#[test]
fn the_board_shows_who_rings_and_talks_with_whom_for_how_long_and_what_was_missed() {
    let ringtag = with_root();
    let site = format!("http://{}:8080", ringtag.net.ringtag());
    let busy = Script::callee("busy")
        .expect_call()
        .reply(486)
        .expect("ACK");
    let refused = Script::caller("refused")
        .invite(true)
        .provisionals(&[100])
        .response(486)
        .ack_refused();
    let pbx = Sipp::play(&ringtag, &busy, ringtag.net.pbx());
    Sipp::play(&ringtag, &refused, ringtag.net.carrier()).succeed();
    pbx.succeed();

    let browser = signed_in(&format!("{site}/board"), "root");
    let figure = |name: &str| {
        format!("document.querySelector('#board .{name} dd')?.firstChild.textContent.trim()")
    };
    let is = |name: &str, number: &str| {
        browser.see(&format!("{} === {number:?}", figure(name)));
    };
    is("missed", "1");
    is("lines", "0");
    browser.see("document.querySelector('#board .quiet-now')");

    let pbx = Sipp::play(&ringtag, &ringing(&ringtag), ringtag.net.pbx());
    let carrier = Sipp::play(&ringtag, &patient(), ringtag.net.carrier());
    browser.see("document.querySelector('#board li.ringing')");
    is("ringing", "1");
    is("talking", "0");
    is("lines", "1");
    browser.see("document.querySelector('#board li.ringing .ticks').dataset.from > 0");
    browser.see_text("#board li.ringing .caller", "+7 999 000-00-01");
    browser.see_text("#board li.ringing .source", "billboard");

    pbx.go_on();
    browser.see("document.querySelector('#board li.talking')");
    is("ringing", "0");
    is("talking", "1");
    is("lines", "1");
    is("missed", "1");
    browser.see_text("#board li.talking .source", "billboard");
    browser.see_text("#board li.talking .manager", "desk");
    // Its time goes on by itself.
    let shown = "document.querySelector('#board li.talking .ticks')?.textContent";
    let before = browser.see(shown);
    let before = before.as_str().unwrap();
    browser.see(&format!(
        "{shown} !== {before:?} && /^[0-9]:[0-5][0-9]$/.test({shown})"
    ));
    browser.is_open_to_all();

    let id = newest(&browser)["id"].as_str().unwrap().to_owned();
    assert_eq!(
        status(&browser, "POST", &format!("/api/v1/calls/{id}/hangup"), ""),
        202
    );
    browser.see("document.querySelector('#board .quiet-now')");
    is("answered", "1");
    is("missed", "1");
    is("lines", "0");
    carrier.succeed();
    pbx.succeed();
    browser.is_quiet();
}

#[test]
fn a_table_that_was_taken_is_seen_on_its_calls_and_by_who_runs_the_house() {
    let week = Week::start();
    let anna = signed_in(&week.page("/?source=billboard"), "anna");
    let of_billboard = anna
        .run("return document.querySelector('tr.call:not(:has(.callback)) th.caller a').href;")
        .as_str()
        .unwrap()
        .to_owned();
    let table =
        anna.ask("return (await fetch(document.querySelector('a[download]').href)).text();");
    let lines = table.as_str().unwrap().lines().count() - 1;
    let total = anna.run("return document.querySelector('.heading .total').textContent;");
    assert_eq!(total, format!("{lines} calls"));
    // The line comes after the table's last byte.
    let shown = |browser: &Browser, page: &str, css: &str, text: &str| {
        wait_for(|| {
            browser.open(page);
            let script = format!(
                "return [...document.querySelectorAll({css:?})].some((one) => one.innerText.includes({text:?}));"
            );
            (browser.run(&script) == true).then_some(())
        })
        .unwrap_or_else(|| panic!("{page} never shows {text}"));
    };
    let text = format!("Taken away in a table of {lines} calls");
    shown(&anna, &of_billboard, "#history li", &text);
    anna.is_open_to_all();
    // A call of another source was in no such table.
    anna.open(&week.page(&format!("/calls/{}", week.recorded())));
    anna.see("document.querySelector('#history')");
    anna.see("!document.querySelector('#history').innerText.includes('Taken away')");
    anna.is_quiet();

    let root = signed_in(&week.page("/sessions"), "root");
    shown(&root, &week.page("/sessions"), ".exports tr", "anna");
    root.see_text(".exports tr", "Source: billboard");
    root.is_open_to_all();
    root.is_quiet();
}

#[test]
fn of_several_calls_those_that_somebody_else_changed_are_left_and_stay_selected() {
    let week = Week::start();
    let anna = signed_in(&week.page("/"), "anna");
    let root = signed_in(&week.page("/"), "root");
    let (one, two) = (week.recorded(), week.hostile());
    let place = |id| format!("#c-{id} .pick input");
    let seen = anna.run(&format!(
        "return document.querySelector('{}').value;",
        place(one)
    ));
    let path = format!("/api/v1/calls/{one}");
    assert_eq!(status(&root, "PATCH", &path, "{\"goal\":\"order\"}"), 200);
    anna.see(&format!(
        "document.querySelector('{}').value !== {seen}",
        place(one)
    ));
    // As if the news were still on their way when she presses the button.
    anna.run(&format!(
        "document.querySelector('{}').value = {seen};",
        place(one)
    ));
    anna.click(&place(one));
    anna.click(&place(two));
    anna.see_text("#picked", "2 calls selected");
    anna.fill("#tag", "срочно");
    anna.click("#bulk button.main");
    anna.see_text("#told.bad", "1 call changed");
    anna.see_text("#told.bad", "root has changed it meanwhile");
    anna.see(&format!("document.querySelector('{}').checked", place(one)));
    anna.see(&format!(
        "!document.querySelector('{}').checked",
        place(two)
    ));
    anna.see_text(&format!("#c-{two}"), "срочно");
    // She sees what the other said, and says hers beside it.
    anna.see_text(&format!("#c-{one}"), "Order");
    anna.see(&format!(
        "!document.querySelector('#c-{one}').innerText.includes('срочно')"
    ));
    anna.is_open_to_all();
    anna.click("#bulk button.main");
    anna.see_text("#told.good", "1 call changed");
    anna.see_text(&format!("#c-{one}"), "срочно");
    anna.see_text(&format!("#c-{one}"), "Order");
    // A word of her own is a condition from now on.
    anna.open(&week.page("/"));
    anna.see("[...document.querySelectorAll('#filter-tag option')].some((one) => one.value === 'срочно')");
    anna.open(&week.page("/?tag=срочно"));
    anna.see("document.querySelectorAll('tr.call').length === 2");
    anna.see_text(".heading .total", "2 calls");
    anna.is_quiet();
    root.is_quiet();
}
