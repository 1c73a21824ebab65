//! Who changes routing, in Chromium: the rules in force are read, a decision is explained, and an edited configuration is held
//! against last week's calls before it is loaded.

use std::fs;

use crate::browser::Browser;
use crate::browser_calls::signed_in;
use crate::harness::wait_for;
use crate::week::Week;

/// Rules that look at everything, and one that can never win.
const RULES: &str = r#"
[[group]]
id = "sales"
members = ["anna", "oleg"]
strategy = "round-robin"
[[rule]]
id = "nuisance"
caller = "+7800*"
reject = 603
[[rule]]
id = "night"
hours = "22:00-06:00"
to = "manager:oleg"
[[rule]]
id = "again"
repeat = true
to = ["manager:last", "group:sales"]
record = false
[[rule]]
id = "all"
to = ["manager:anna", "manager:oleg"]
[[rule]]
id = "late"
category = "mowers"
to = "manager:anna"
"#;

/// The configuration with other rules.
fn edited(week: &Week, rules: &str) -> String {
    let text = fs::read_to_string(week.ringtag.config()).unwrap();
    let rule = "[[rule]]\nid = \"all\"\nto = [\"manager:anna\", \"manager:oleg\"]\n";
    assert!(text.contains(rule), "{text}");
    text.replace(rule, rules)
}

/// Puts other rules in force, without a restart.
fn reload(week: &Week, rules: &str) {
    fs::write(week.ringtag.config(), edited(week, rules)).unwrap();
    week.ringtag.signal("HUP");
}

#[test]
fn the_rules_in_force_are_read_and_a_decision_is_explained() {
    let week = Week::start();
    let browser = signed_in(&week.page("/rules"), "root");
    browser.see_text(".house-table tbody tr", "all");
    reload(&week, RULES);
    let shown = wait_for(|| {
        browser.open(&week.page("/rules"));
        let rules =
            browser.run("return document.querySelectorAll('#rules-list + div tbody tr').length;");
        (rules == 5).then_some(())
    });
    assert!(shown.is_some(), "the rules of the reload are shown");
    browser.see_text(
        "#rules-list + div",
        "Can never win: all comes before and takes its calls.",
    );
    browser.see_text("#rules-list + div", "group sales (taking turns)");
    browser.see_text("#rules-list + div", "20 calls");
    browser.see_text("main", "Анна Ковалёва");
    browser.is_open_to_all();

    // A first call at noon on a Friday.
    let ask = |from: &str, at: &str, before: &str| {
        browser.run(&format!(
            "const form = document.getElementById('explain').elements; form.from.value = {from:?}; form.at.value = {at:?}; form.before.value = {before:?};"
        ));
        browser.click("#explain button");
        browser.see("document.querySelector('#explained')");
    };
    ask("8 916 123-45-67", "2026-11-20T12:00", "no");
    browser.see_text("#explained", "+7 916 123-45-67 calls +7 495 000-00-01");
    browser.see_text(
        ".verdicts .passed",
        "its hours are 22:00-06:00; it is Friday, 20\u{a0}November, 12:00",
    );
    browser.see_text(
        ".verdicts .passed",
        "it is for those who called before; this is the first call",
    );
    browser.see_text(".verdicts .decides", "all");
    browser.see_text(".verdicts .unasked", "late");
    browser.see_text("#explained .steps", "Анна Ковалёва, 20 s");
    browser.see_text("#explained", "recorded");
    browser.is_open_to_all();
    ask("+79161234567", "2026-11-20T12:00", "yes");
    browser.see_text(".verdicts .decides", "again");
    browser.see_text("#explained", "not recorded");
    ask("+78005553535", "2026-11-20T12:00", "known");
    browser.see_text("#explained", "the caller is rejected with 603");
    ask("anonymous", "2026-11-20T23:30", "known");
    browser.see_text(".verdicts .decides", "night");
    browser.run("document.getElementById('explain').elements.at.type = 'text'; document.getElementById('explain').elements.at.value = 'noon';");
    browser.click("#explain button");
    browser.see_text(".trouble", "That is no time.");

    // What a rule decided opens as a list.
    browser.open(&week.page("/rules"));
    browser.click("#rules-list + div td.count a");
    browser.see("document.querySelector('tr.call')");
    browser.see("location.search.includes('rule=all')");
    browser.is_quiet();
    let anna = signed_in(&week.page("/"), "anna");
    anna.see("!document.querySelector('.top nav a[href=\"/rules\"]')");
    anna.open(&week.page("/rules"));
    anna.see_text(".fault", "403");
}

/// Types a whole configuration and has it tried.
fn try_out(browser: &Browser, text: &str) {
    browser.ask(&format!(
        "document.getElementById('tried').replaceChildren(); document.getElementById('toml').value = {};",
        serde_json::to_string(text).unwrap()
    ));
    browser.click("#replay button.main");
}

#[test]
fn an_edited_configuration_is_held_against_past_calls_before_it_is_loaded() {
    let week = Week::start();
    let browser = signed_in(&week.page("/rules"), "root");
    browser.click(".heading .button");
    browser.see("document.querySelector('#replay')");
    browser.is_open_to_all();
    try_out(
        &browser,
        &edited(
            &week,
            "[[rule]]\nid = \"all\"\nto = [\"manager:anna\", \"manager:oleg\"]\n",
        ),
    );
    browser.see_text("#sum.done", "20 calls: each would be treated as it is now.");

    try_out(
        &browser,
        &edited(
            &week,
            "[[rule]]\nid = \"all\"\nto = \"manager:nobody\"\nrings = 5\n",
        ),
    );
    browser.see_text(".mistakes", "there is no [[manager]] \"nobody\"");
    browser.see("document.querySelectorAll('#mistakes-title + .mistakes li').length === 2");
    browser.see("!document.querySelector('#sum')");

    // Repeated callers go elsewhere, and a source loses its rule.
    let rules = "[[rule]]\nid = \"again\"\nrepeat = true\nsource = [\"direct-mowers\", \"billboard\", \"maps\"]\nto = \"manager:oleg\"\n\
                 [[rule]]\nid = \"all\"\nsource = [\"direct-mowers\", \"billboard\"]\nto = [\"manager:anna\", \"manager:oleg\"]\n";
    try_out(&browser, &edited(&week, rules));
    browser.see_text("#sum.differs", "20 calls, of which");
    browser.see("document.querySelectorAll('.differences tbody tr').length > 3");
    // Whoever would reach nobody stands first.
    browser.see_text(".differences tbody tr:first-child", "no rule: missed");
    browser.see_text(".differences", "Олег Дорн (102@pbx), 20 s");
    browser.see("!document.querySelector('main img, main script')");
    browser.is_open_to_all();
    // The rules in force are what they were.
    browser.click(".differences tbody th a");
    browser.see("document.querySelector('#head[data-id]')");
    browser.open(&week.page("/rules"));
    browser.see("document.querySelectorAll('#rules-list + div tbody tr').length === 1");

    // A file fills the text, and both languages say what comes of it.
    browser.open(&week.page("/ui/look?lang=ru&theme=dark&back=/rules/replay"));
    try_out(&browser, &edited(&week, rules));
    browser.see_text("#sum", "20 звонков");
    browser.see_text(".differences", "нет правила: пропущен");
    browser.is_open_to_all();
    browser.is_quiet();
}
