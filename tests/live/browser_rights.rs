//! What each role sees and is refused, in Chromium: the pages offer nothing that the API would not give, and the API gives
//! nothing that the pages do not offer.

use crate::browser::Browser;
use crate::week::{HOSTILE, Week};

/// The status that the API answers to a request of the page's own script, with the page's proof against forgery.
pub(crate) fn status(browser: &Browser, method: &str, path: &str, body: &str) -> u64 {
    let script = format!(
        "const csrf = document.querySelector('input[name=\"csrf\"]')?.value ?? '';
         const answer = await fetch({path:?}, {{ method: {method:?}, body: {body:?} || undefined,
           headers: {{ 'x-csrf': csrf, 'content-type': 'application/json' }} }});
         return answer.status;"
    );
    browser.ask(&script).as_u64().unwrap()
}

/// Refusals that were asked for show in the console, and are taken out of it.
fn forgive(browser: &Browser, statuses: &[u16]) {
    let told = browser.console();
    let is_meant = |line: &String| {
        statuses
            .iter()
            .any(|status| line.contains(&format!("responded with a status of {status}")))
    };
    assert!(told.iter().all(is_meant), "{told:#?}");
}

#[test]
fn nobody_sees_nothing_but_the_login_and_a_wrong_password_is_told_so() {
    let week = Week::start();
    let browser = Browser::start(1_280, 900);
    for path in ["/", "/board", &format!("/calls/{}", week.recorded())] {
        browser.open(&week.page(path));
        browser.see("document.querySelector('#password')");
        assert!(
            browser.address().contains("/login"),
            "{}",
            browser.address()
        );
    }
    for path in [
        "/api/v1/calls".to_owned(),
        "/api/v1/live".to_owned(),
        format!("/api/v1/calls/{}/recording.wav", week.recorded()),
        format!("/api/v1/calls/{}/peaks", week.recorded()),
    ] {
        assert_eq!(status(&browser, "GET", &path, ""), 401, "{path}");
    }
    forgive(&browser, &[401]);
    browser.fill("#name", "anna");
    browser.fill("#password", "wrong");
    browser.click(".login .main");
    browser.see("document.querySelector('.trouble[role=\"alert\"]')");
    assert_eq!(browser.see("document.querySelector('#name').value"), "anna");
    browser.is_open_to_all();
    forgive(&browser, &[401, 403]);
}

#[test]
fn a_manager_says_what_own_calls_were_and_sees_no_other_project() {
    let week = Week::start();
    let browser = Browser::start(1_280, 900);
    browser.sign_in(&week.page("/"), "anna");
    browser.see("document.querySelectorAll('tr.call').length >= 19");
    let foreign = format!("/calls/{}", week.foreign());
    browser.see(&format!("!document.querySelector('a[href=\"{foreign}\"]')"));
    assert_eq!(
        status(&browser, "GET", &format!("/api/v1{foreign}"), ""),
        404
    );
    assert_eq!(
        status(&browser, "GET", &format!("/api/v1{foreign}/peaks"), ""),
        404
    );
    assert_eq!(
        status(
            &browser,
            "PATCH",
            &format!("/api/v1{foreign}"),
            "{\"goal\":\"price\"}"
        ),
        404
    );
    assert_eq!(status(&browser, "GET", "/api/v1/tokens", ""), 403);
    assert_eq!(status(&browser, "GET", "/sessions", ""), 403);
    assert_eq!(status(&browser, "GET", "/metrics", ""), 403);
    let own = format!("/api/v1/calls/{}", week.recorded());
    assert_eq!(status(&browser, "PATCH", &own, "{\"goal\":\"order\"}"), 200);
    // The row tells what was said before its reader leaves.
    browser.see(&format!(
        "document.getElementById('c-{}').innerText.includes('Order')",
        week.recorded()
    ));
    forgive(&browser, &[403, 404]);
    browser.click(".menu summary");
    browser.click(".menu form button");
    browser.see("document.querySelector('#password')");
    assert_eq!(status(&browser, "GET", &own, ""), 401);
    forgive(&browser, &[401]);
}

#[test]
fn a_listener_hears_and_changes_nothing() {
    let week = Week::start();
    let browser = Browser::start(1_280, 900);
    browser.sign_in(&week.page(&format!("/calls/{}", week.recorded())), "oleg");
    browser.see("document.querySelector('.player .axis span')");
    browser.see("!document.querySelector('form#say, .pin, .pin-remove')");
    browser.see_text(".pins", "Спрашивает цену с доставкой");
    browser.click(".player .play");
    browser.see("!document.querySelector('audio').paused && document.querySelector('audio').currentTime > 0.3");
    // The caller alone was silent from 1:00 to 1:15, and that is passed over.
    browser.press(">");
    browser.see("document.querySelector('audio').playbackRate === 1.25");
    browser.click(".heard label:first-of-type");
    browser.click(".skip-silence");
    browser.run("location.hash = '#t=62';");
    browser.see("document.querySelector('audio').currentTime > 74");
    let own = format!("/api/v1/calls/{}", week.recorded());
    assert_eq!(status(&browser, "PATCH", &own, "{\"goal\":\"order\"}"), 403);
    let note = "{\"at_ms\":1,\"text\":\"x\"}";
    assert_eq!(status(&browser, "POST", &format!("{own}/notes"), note), 403);
    assert_eq!(
        status(&browser, "DELETE", &format!("{own}/notes/1"), ""),
        403
    );
    assert_eq!(status(&browser, "GET", "/api/v1/calls.csv", ""), 403);
    browser.open(&week.page("/"));
    browser.see("document.querySelector('tr.call')");
    browser.see("!document.querySelector('a[download], .pick, form.bulk')");
    forgive(&browser, &[403]);
}

#[test]
fn an_analyst_sees_calls_without_numbers_and_hears_nothing() {
    let week = Week::start();
    let browser = Browser::start(1_280, 900);
    browser.sign_in(&week.page("/"), "vera");
    browser.see("document.querySelectorAll('tr.call').length >= 19");
    let pages = ["/".to_owned(), format!("/calls/{}", week.recorded())];
    for page in &pages {
        browser.open(&week.page(page));
        let shown = browser.run("return document.documentElement.outerHTML;");
        let shown = shown.as_str().unwrap();
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        for number in ["9161230011", "9039998877", "9035554412"] {
            assert!(!digits.contains(number), "{page}: {number}");
        }
        assert!(!shown.contains("Сравнивает"), "a note is in {page}");
        browser.see("!document.querySelector('.player, audio, form#say')");
    }
    let own = format!("/api/v1/calls/{}", week.recorded());
    for what in ["recording.wav", "peaks"] {
        assert_eq!(status(&browser, "GET", &format!("{own}/{what}"), ""), 403);
    }
    assert_eq!(
        status(&browser, "GET", "/api/v1/calls?caller=%2B79161230011", ""),
        403
    );
    let table = browser.ask("return (await fetch('/api/v1/calls.csv')).text();");
    assert!(!table.as_str().unwrap().contains("9161230011"));
    forgive(&browser, &[403]);
}

#[test]
fn markup_in_a_log_is_text_wherever_it_is_shown() {
    let week = Week::start();
    let browser = Browser::start(1_280, 900);
    browser.sign_in(&week.page("/"), "root");
    for page in ["/".to_owned(), format!("/calls/{}", week.hostile())] {
        browser.open(&week.page(&page));
        browser.see(&format!("document.body.innerText.includes({HOSTILE:?})"));
        browser.see("!document.querySelector('main img') && document.title !== 'hacked'");
    }
    browser.see(&format!(
        "document.querySelector('.pins .pin-text').textContent === {HOSTILE:?}"
    ));
    browser.is_quiet();
}
