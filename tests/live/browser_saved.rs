//! Saved reports in Chromium: one is kept with its filter, sent every week, tried out, and what a mail server said of it is read.

use std::fs;
use std::path::Path;

use crate::browser::Browser;
use crate::harness::Ringtag;
use crate::letters::{Postbox, behave, furnish, part, section};
use crate::week::Week;

/// The week, whose manager has an address, with letters through a server that may run.
fn with_mail() -> Week {
    let Week { ringtag, calls } = Week::start();
    furnish(ringtag.net, ringtag.folder.path());
    let config = fs::read_to_string(ringtag.config()).unwrap();
    let manager = "name = \"anna\"\nrole = \"manager\"";
    assert!(config.contains(manager));
    let config = config.replace(
        manager,
        &format!("{manager}\nemail = \"anna@shop.example\""),
    );
    let mail = section(ringtag.net, "tls_ca_file = \"ca.pem\"");
    let net = ringtag.net;
    let (_, folder) = ringtag.stop();
    let ringtag = Ringtag::start_in(net, folder, &format!("{config}{mail}"));
    Week {
        ringtag: ringtag.expect("ringtag starts"),
        calls,
    }
}

/// Signs in, and keeps the sources of the billboard.
fn keep(week: &Week, browser: &Browser) {
    browser.sign_in(&week.page("/"), "anna");
    browser.open(&week.page("/saved"));
    browser.see("document.querySelector('nav a[href=\"/saved\"][aria-current=page]')");
    browser.is_open_to_all();
    browser
        .open(&week.page("/saved/new?report=sources&source=billboard&period=week&project=garden"));
    browser.see("document.querySelector('#period').value === 'last-7-days'");
    browser.is_open_to_all();
    browser.fill("#name", "Щит на МКАД");
    browser.run("document.querySelector('#weekday-new').value = '1'; document.querySelector('#hour-new').value = '9';");
    browser.fill("#recipients-new", "nobody");
    browser.click("main form button.main");
    // What is wrong is said, and nothing that was written is lost.
    browser.see("document.querySelector('[role=alert]')?.textContent.includes('nobody')");
    browser.see("document.querySelector('#name').value === 'Щит на МКАД'");
    // Chromium tells its console of every answer that is a refusal.
    let told = browser.console();
    assert!(told.iter().all(|line| line.contains("422")), "{told:?}");
    browser.see("document.querySelector('#weekday-new').value === '1'");
    browser.fill("#recipients-new", "anna@shop.example, boris@shop.example");
    browser.click("main form button.main");
    browser.see("location.pathname === '/saved' && document.querySelector('.saved-item')");
    browser.see_text(".saved-item h2", "Щит на МКАД");
}

#[test]
fn a_report_is_saved_tried_out_and_what_the_server_said_is_read() {
    let week = with_mail();
    let folder = week.ringtag.folder.path();
    let browser = Browser::start(1_280, 1_000);
    keep(&week, &browser);
    browser.see("[...document.querySelectorAll('.saved-to li')].map((one) => one.textContent).join() === 'anna@shop.example,boris@shop.example'");
    browser.is_open_to_all();
    // Nobody listens yet.
    browser.send("button[value=me]");
    let again = |what: &str| {
        week.ringtag.wait_for(what, || {
            browser.open(&week.page("/saved"));
            let seen = browser.run(&format!("return Boolean({what});"));
            seen.as_bool().unwrap().then_some(())
        });
    };
    again("document.querySelector('.saved-letters.waiting .why')?.textContent.includes('refused')");
    browser.is_open_to_all();
    // It listens, and refuses for good.
    behave(folder, "refuse anna@shop.example");
    let postbox = Postbox::start(week.ringtag.net, folder);
    browser.send("button[value=again]");
    again("document.querySelector('.saved-letters.dead .why')?.textContent.includes('550')");
    browser.is_open_to_all();
    // Mended, the same letter arrives.
    behave(folder, "take");
    browser.send("button[value=again]");
    again("document.querySelector('.saved-delivered')");
    assert_eq!(postbox.letters("").len(), 1);
    // It is renamed and sent to nobody any more, then removed.
    browser.click(".saved-change summary");
    browser.fill(".saved-change input[name=name]", "Щит");
    browser.run("document.querySelector('.saved-change select[name=weekday]').value = '';");
    browser.send("button[value=change]");
    browser.see_text(".saved-item h2", "Щит");
    browser.see("!document.querySelector('.saved-when')");
    browser.send("button[value=remove]");
    browser.see("location.pathname === '/saved' && !document.querySelector('.saved-item')");
    browser.is_quiet();
}

#[test]
#[ignore = "takes the pictures of docs/screenshots anew; CONTRIBUTING.md says when"]
fn pictures_of_saved_reports() {
    let week = with_mail();
    let folder = week.ringtag.folder.path();
    let browser = Browser::start(1_280, 1_000);
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screenshots");
    let take =
        |name: &str| fs::write(shots.join(format!("{name}.png")), browser.picture()).unwrap();
    keep(&week, &browser);
    behave(folder, "refuse boris@shop.example");
    let postbox = Postbox::start(week.ringtag.net, folder);
    browser.send("button[value=recipients]");
    week.ringtag.wait_for("both ends", || {
        browser.open(&week.page("/saved"));
        let seen = browser.run("return Boolean(document.querySelector('.saved-delivered') && document.querySelector('.saved-letters.dead'));");
        seen.as_bool().unwrap().then_some(())
    });
    for (language, theme) in [("en", "light"), ("ru", "dark")] {
        browser.open(&week.page(&format!(
            "/ui/look?lang={language}&theme={theme}&back=/saved"
        )));
        browser.see(&format!("document.documentElement.lang === {language:?}"));
        take(&format!("saved-{language}-{theme}"));
    }
    let letter = postbox.letters("").remove(0);
    let html = part(&letter, "text/html")["text"].as_str().unwrap();
    let picture = part(&letter, "image/png");
    let cid = picture["cid"].as_str().unwrap().trim_matches(['<', '>']);
    let data = format!(
        "data:image/png;base64,{}",
        picture["base64"].as_str().unwrap()
    );
    let file = folder.join("letter.html");
    fs::write(&file, html.replace(&format!("cid:{cid}"), &data)).unwrap();
    browser.open(&format!("file://{}", file.display()));
    browser.see("document.querySelector('img').complete");
    take("letter");
}
