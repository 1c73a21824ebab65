//! Pages on paper, as Chromium prints them: the figures and what was said stay, what one presses goes.

use crate::browser::{Browser, keep};
use crate::week::Week;

/// What an A4 sheet has room for beside Chromium's margins of a centimetre, in pixels of CSS (96 to the inch).
const SHEET_WIDTH: u32 = 718;

/// What nobody presses on paper. The heads of a table are buttons that open a formula, and stay.
const PRESSED: &str = ".top, .skip, .filter, .takes, .button, audio, button:not(thead button)";

/// Visible elements that a selector finds, by their tags.
fn visible(browser: &Browser, css: &str) -> Vec<String> {
    let tags = browser.run(&format!(
        "return [...document.querySelectorAll({css:?})].filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 90));"
    ));
    let tags = tags.as_array().unwrap().iter();
    tags.map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

/// How many sheets a PDF has.
fn sheets(pdf: &[u8]) -> usize {
    const PAGE: &[u8] = b"/Type /Page";
    let is_page = |at: &[u8]| at.starts_with(PAGE) && at.get(PAGE.len()) != Some(&b's');
    (0..pdf.len()).filter(|at| is_page(&pdf[*at..])).count()
}

#[test]
fn what_is_printed_is_what_was_found_and_nothing_that_one_presses() {
    let week = Week::start();
    let browser = Browser::start(SHEET_WIDTH, 1_000);
    browser.sign_in(&week.page("/"), "root");
    // Who works in the dark prints on white paper all the same.
    browser.open(&week.page("/ui/look?lang=en&theme=dark&back=/board"));
    let call = format!("/calls/{}", week.recorded());
    let pages: [(&str, &str, &[&str], usize); 6] = [
        (
            "dashboard",
            "/dashboard",
            &[".tiles .figure", "svg.half", ".sources td", ".movers h2"],
            1,
        ),
        (
            "sources",
            "/reports/sources",
            &[
                "svg.wide",
                ".figures-table td",
                "thead button",
                ".formulas dd",
            ],
            1,
        ),
        (
            "days",
            "/reports/days?period=month",
            &["svg.wide", ".figures-table td", ".formulas dd"],
            3,
        ),
        ("hours", "/reports/hours", &["svg.wide", ".matrix td"], 1),
        (
            "money",
            "/reports/money",
            &[".part + .table-place td", ".formulas dd"],
            2,
        ),
        (
            "call",
            &call,
            &[
                ".path li",
                ".facts dd",
                ".wave canvas",
                ".pins li",
                ".history li",
                ".say textarea",
            ],
            2,
        ),
    ];
    for (name, path, stays, sheets_max) in pages {
        browser.open(&week.page(path));
        browser.see(&format!("document.querySelector({:?})", stays[0]));
        assert!(
            !visible(&browser, ".top nav").is_empty(),
            "{name} on a screen"
        );
        browser.on_paper(true);
        for css in stays {
            assert!(!visible(&browser, css).is_empty(), "{name}: no {css}");
        }
        let pressed = visible(&browser, PRESSED);
        assert!(pressed.is_empty(), "{name}: {pressed:#?}");
        let fields = browser.run(
            "return [...document.querySelectorAll('input, select, textarea')].filter((one) => one.checkVisibility() && getComputedStyle(one).borderTopStyle !== 'none').map((one) => one.outerHTML);",
        );
        assert_eq!(fields, serde_json::json!([]), "{name}");
        let ink = browser.run("return getComputedStyle(document.body).color;");
        assert_eq!(ink, "rgb(27, 34, 37)", "{name}");
        let beyond =
            browser.run("return document.documentElement.scrollWidth - window.innerWidth;");
        assert!(
            beyond.as_i64().unwrap() <= 0,
            "{name}: {beyond} pixels beyond the sheet"
        );
        browser.on_paper(false);
        let pdf = browser.printed();
        keep(&format!("{name}.pdf"), &pdf);
        let count = sheets(&pdf);
        assert!((1..=sheets_max).contains(&count), "{name}: {count} sheets");
    }
    // What people said is on the call's sheet, and what they might have said is not.
    browser.on_paper(true);
    let said = visible(&browser, ".say .pills label");
    let is_said = |word: &str| {
        said.iter()
            .any(|one| one.contains(&format!("value=\"{word}\"")))
    };
    assert!(is_said("price") && !is_said("order"), "{said:#?}");
    browser.see("document.querySelector('.say textarea').value.startsWith('Сравнивает')");
    browser.is_quiet();
}
