//! A manager's Monday in Chromium: the dashboard, a report, its formulas, and from every kind of figure to its calls.

use crate::browser::Browser;
use crate::week::Week;

/// A laptop's window, the browser's own bars included.
const LAPTOP: (u32, u32) = (1_440, 900);

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Clicks the first such figure and sees a list of as many calls as it says.
fn drill(browser: &Browser, css: &str) {
    let figure = browser.see(&format!("document.querySelector({css:?})?.innerText"));
    let shown = figure.as_str().unwrap();
    // "3 of 20: 5–36 %" counts the three.
    let part = shown.split(" of ").next().unwrap();
    let counted = digits(part);
    browser.click(css);
    browser.see("document.querySelector('#calls')");
    let total = browser.see("document.querySelector('.heading .total')?.innerText");
    assert_eq!(
        digits(total.as_str().unwrap()),
        counted,
        "{css}: {}",
        browser.address()
    );
    let counted: u64 = counted.parse().unwrap();
    let rows = browser.run("return document.querySelectorAll('#calls tr.call').length;");
    assert_eq!(rows.as_u64().unwrap(), counted.min(50), "{css}");
    browser.is_quiet();
}

#[test]
fn the_dashboard_fits_a_laptop_and_its_figures_open_their_calls() {
    let week = Week::start();
    let browser = Browser::start(LAPTOP.0, LAPTOP.1);
    browser.sign_in(&week.page("/dashboard"), "anna");
    let tiles = ".tiles li";
    browser.see(&format!(
        "document.querySelectorAll('{tiles}').length === 5"
    ));
    browser.see("document.querySelector('.chart.half rect')");
    let beyond = browser.run(
        "return document.querySelector('main').getBoundingClientRect().bottom - window.innerHeight;",
    );
    assert!(
        beyond.as_f64().unwrap() <= 0.0,
        "{beyond} pixels beyond the screen"
    );
    browser.is_open_to_all();
    for nth in [1, 2, 5] {
        drill(&browser, &format!("{tiles}:nth-child({nth}) .figure a"));
        browser.open(&week.page("/dashboard"));
    }
    drill(&browser, ".sources tbody tr:nth-child(2) td:nth-child(2) a");
    // The first of the navigation, and a key of its own.
    browser.open(&week.page("/"));
    browser.see("document.documentElement.classList.contains('scripted')");
    browser.press("d");
    browser.see("location.pathname === '/dashboard'");
    browser.see("document.querySelector('.top nav a').getAttribute('aria-current') === 'page'");
    browser.is_quiet();
}

#[test]
fn a_report_is_cut_explained_and_opened_down_to_its_calls() {
    let week = Week::start();
    let browser = Browser::start(LAPTOP.0, LAPTOP.1);
    browser.sign_in(&week.page("/reports"), "anna");
    browser.click(".shelf a[href='/reports/sources']");
    browser.see("document.querySelectorAll('.figures-table tbody tr').length > 2");
    browser.see_text(".figures-table tbody th", "direct-mowers");
    // What is chosen is asked for at once, and stands in the address.
    browser.run("const by = document.querySelector('#by'); by.value = 'channel'; by.dispatchEvent(new Event('change', { bubbles: true }));");
    browser.see("new URLSearchParams(location.search).get('by') === 'channel'");
    browser.see_text(".figures-table tbody th", "Яндекс Директ");
    // A formula opens by the keyboard, and closes.
    browser.run("document.querySelector('[popovertarget=how-conversion]').focus();");
    browser.press("\u{e007}");
    browser.see("document.querySelector('#how-conversion').matches(':popover-open')");
    browser.see_text("#how-conversion", "Customers / calls");
    browser.is_open_to_all();
    browser.press("\u{e00c}");
    browser.see("!document.querySelector('#how-conversion').matches(':popover-open')");
    drill(
        &browser,
        ".figures-table tbody tr:nth-child(2) td:nth-child(2) a",
    );
    for path in [
        "/reports/hours?period=week",
        "/reports/days?period=week&by=day",
        "/reports/reasons?period=week",
        "/reports/funnel?period=week",
        "/reports/managers?period=week",
        "/reports/rules?period=week",
    ] {
        browser.open(&week.page(path));
        drill(&browser, ".figures-table tbody tr td a");
    }
    // A name of markup is a name in the chart as well.
    browser.open(&week.page("/reports/sources?by=source&tag=%3Cimg%20src=x%3E"));
    browser.see("document.querySelector('.empty')");
    assert!(
        browser
            .run("return document.title;")
            .as_str()
            .unwrap()
            .starts_with("Sources")
    );
    browser.is_quiet();
}
