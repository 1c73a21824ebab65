//! What advertising costs, in Chromium: a table with bad rows is brought and refused row by row, then a good one, and the report
//! about money reads as people work it out.

use std::fs;
use std::time::Duration;

use ringtag::base::chance::Chance;
use ringtag::base::clock::Clock;
use ringtag::base::id::CallId;
use ringtag::base::number::{Caller, Number};
use ringtag::base::time::{Moment, WallTime};
use ringtag::call::story::{Began, Ended, Fact, FinishReason, HungUpBy, SourceTag, What};
use ringtag::people::password::Kept;
use ringtag::store::Store;
use ringtag::store::handle::Setup;
use ringtag::store::say::Say;

use crate::browser::{Browser, keep};
use crate::browser_calls::signed_in;
use crate::harness::{Net, Ringtag, fill};
use crate::week::PASSWORD;

const CONFIG: &str = r#"
[sip]
listen = ["udp:{ringtag}:5060"]
[media]
bind = "{ringtag}"
ports = [20000, 20999]
[recordings]
folder = "{folder}/recordings"
[store]
folder = "{folder}/data"
[web]
listen = "{ringtag}:8080"
[[trunk]]
id = "pbx"
host = "{pbx}:5060"
[[project]]
id = "garden"
label = "Садовый центр"
time_zone = "Europe/Moscow"
deal_profit = 3000
[[source]]
tag = "direct-mowers"
channel = "Яндекс Директ"
campaign = "Газонокосилки весна"
numbers = ["+74950000001"]
[[source]]
tag = "billboard"
channel = "Щит на МКАД"
numbers = ["+74950000002"]
[[manager]]
id = "anna"
extension = "101"
trunk = "pbx"
[[rule]]
id = "all"
to = "manager:anna"
[[user]]
name = "root"
role = "admin"
password = "{hash}"
"#;

/// A house in which 120 people called yesterday, 30 of them were to be won and 20 bought; and whoever runs it, signed in.
struct Shop {
    ringtag: Ringtag,
    browser: Browser,
}

impl Shop {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let net = Net::take();
        let hash = Kept::make(PASSWORD, &mut Chance::from_number(1)).unwrap();
        let config = CONFIG.replace("{hash}", &hash.to_string());
        let file = folder.path().join("ringtag.toml");
        fs::write(&file, fill(&config, net, folder.path())).unwrap();
        let read = ringtag::config::load(&file).unwrap().config;
        let clock = Clock::start();
        let (store, _) = Store::open(Setup {
            settings: read.store,
            recordings: read.recordings.folder,
            node: "test".into(),
            clock,
            chance: Chance::from_number(1),
        })
        .unwrap();
        let start = clock.wall().as_millis() - 86_400_000;
        let mut chance = Chance::from_number(7);
        for n in 0..120 {
            let at = WallTime::from_millis(start + n * 1_000);
            let id = CallId::new(at, &mut chance);
            tell(&store, id, at, n);
        }
        store.sync().unwrap();
        let sold = store.list(&ringtag::store::query::Query {
            limit: Some(30),
            ..Default::default()
        });
        for (n, call) in sold.unwrap().calls.iter().enumerate() {
            let say = Say {
                target: Some(Some(true)),
                outcome: (n < 20).then(|| Some("sold".to_owned())),
                value: (n < 20).then_some(Some(9_000.0)),
                ..Say::default()
            };
            store.say(call.id, say, "anna", None).unwrap();
        }
        store.shutdown();
        drop(store);
        let ringtag = Ringtag::start_in(net, folder, &config).expect("ringtag starts");
        let site = format!("http://{}:8080", net.ringtag());
        let browser = signed_in(&format!("{site}/"), "root");
        Self { ringtag, browser }
    }

    fn open(&self, path: &str) {
        let site = format!("http://{}:8080", self.ringtag.net.ringtag());
        self.browser.open(&format!("{site}{path}"));
    }

    /// Puts a table in the page as pasting does, and has it looked at.
    fn bring(&self, table: &str) {
        let table = serde_json::to_string(table).unwrap();
        self.browser
            .run(&format!("document.querySelector('#text').value = {table};"));
        self.browser.click("#import .main");
    }

    /// How many amounts there are.
    fn amounts(&self) -> u64 {
        let count = self
            .browser
            .ask("return (await (await fetch('/api/v1/spend')).json()).entries.length;");
        count.as_u64().unwrap()
    }
}

fn tell(store: &Store, id: CallId, at: WallTime, n: i64) {
    let fact = |after_s: u64, what| Fact {
        call: id,
        at: at + Duration::from_secs(after_s),
        mono: Moment::from_millis(1),
        what,
    };
    let began = Began {
        source: SourceTag {
            project: "garden".into(),
            tag: "direct-mowers".into(),
            channel: Some("Яндекс Директ".into()),
            campaign: Some("Газонокосилки весна".into()),
            category: None,
        },
        tracked: true,
        caller: Caller::Number(Number::e164(&format!("+7916{:07}", n + 1)).unwrap()),
        caller_from: "From".to_owned(),
        virtual_number: Number::e164("+74950000001").unwrap(),
        trunk: "carrier".into(),
        sip_call_id: format!("{id}@carrier"),
        prior_calls: 0,
        rule: Some("all".into()),
    };
    let ended = Ended {
        rule: Some("all".into()),
        targets_tried: Vec::new(),
        manager: Some("anna".into()),
        destination: Some("101".to_owned()),
        ringing_at: None,
        answered_at: Some(at + Duration::from_secs(3)),
        wait_ms: 3_000,
        talk_ms: 57_000,
        total_ms: 60_000,
        answered: true,
        missed: false,
        finish_reason: FinishReason::Completed,
        hung_up_by: HungUpBy::Caller,
        sip_status: Some(200),
        q850_cause: None,
        legs: Vec::new(),
        transfers: Vec::new(),
    };
    store.tell(fact(0, What::Began(Box::new(began))));
    store.tell(fact(60, What::Ended(Box::new(ended))));
}

/// The day before today, as the browser's ringtag has it.
fn yesterday(shop: &Shop) -> String {
    let day = shop.browser.run(
        "return new Date(Number(document.documentElement.dataset.now) - 86400000).toLocaleDateString('sv-SE', { timeZone: 'Europe/Moscow' });",
    );
    day.as_str().unwrap().to_owned()
}

#[test]
fn a_table_with_bad_rows_enters_nothing_a_good_one_all_and_the_report_says_whether_it_pays() {
    let shop = Shop::start();
    let browser = &shop.browser;
    shop.open("/ui/look?lang=en&theme=light&back=/spend");
    browser.see("document.querySelector('#import')");
    let day = yesterday(&shop);
    shop.bring(&format!(
        "source;from;until;amount;currency;note\ndirect-mowers;{day};{day};50 000,00;RUB;ads\ndirect-movers;{day};{day};1;RUB;\nbillboard;{day};2026-01-01;x;USD;\n"
    ));
    browser.see("document.querySelector('#preview .faults')");
    let lines = browser.run(
        "return [...document.querySelectorAll('#preview tbody tr')].map((row) => row.textContent.trim());",
    );
    let lines: Vec<&str> = lines
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line.as_str())
        .collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for (line, (number, text)) in lines.iter().zip([
        ("3", "did you mean “direct-mowers”?"),
        ("4", "before it begins"),
        ("4", "“x” is no amount"),
        ("4", "the project counts in RUB"),
    ]) {
        assert!(line.starts_with(number) && line.contains(text), "{line}");
    }
    browser.is_open_to_all();
    keep("spend-bad.png", &browser.picture());
    assert_eq!(shop.amounts(), 0);
    shop.open("/dashboard");
    browser.see_text(".sources", "Enter what was spent");
    shop.open("/spend");

    // The good table is shown before it is entered.
    shop.bring(&format!(
        "source;from;until;amount;currency;note\ndirect-mowers;{day};{day};50 000,00;RUB;ads\n"
    ));
    browser.see("document.querySelector('#preview [name=confirm]')");
    assert_eq!(shop.amounts(), 0);
    browser.click("#preview .main");
    browser.see("document.querySelector('p.done')");
    assert_eq!(shop.amounts(), 1);
    for (language, wanted) in [
        ("en", ["416.67", "2,500", "16.7", "pays"]),
        ("ru", ["416,67", "2\u{a0}500", "16,7", "окупается"]),
    ] {
        for theme in ["light", "dark"] {
            shop.open(&format!(
                "/ui/look?lang={language}&theme={theme}&back=/spend"
            ));
            browser.see("document.querySelector('.results .verdict.pays')");
            for text in wanted {
                browser.see_text(".results", text);
            }
            browser.is_open_to_all();
            keep(&format!("spend-{language}-{theme}.png"), &browser.picture());
            shop.open("/reports/money");
            for text in wanted {
                browser.see_text("tr.all", text);
            }
            browser.is_open_to_all();
            keep(&format!("money-{language}-{theme}.png"), &browser.picture());
        }
    }

    // The dashboard says what a customer of each source cost, and opens those who bought.
    let cost = "document.querySelector('.sources tbody td:last-child a')";
    for (language, head, wanted) in [
        ("ru", "Цена клиента", "2\u{a0}500"),
        ("en", "Cost of a customer", "2,500"),
    ] {
        shop.open(&format!(
            "/ui/look?lang={language}&theme=light&back=/dashboard"
        ));
        browser.see_text(".sources thead th:last-child", head);
        browser.see(&format!("{cost}.innerText.startsWith({wanted:?})"));
        browser.is_open_to_all();
        keep(&format!("cost-{language}.png"), &browser.picture());
    }
    browser.click(".sources tbody td:last-child a");
    browser.see_text(".heading .total", "20 calls");
    browser.see("document.querySelectorAll('#calls tr.call').length === 20");

    // A correction leaves what was before to be read.
    shop.open("/ui/look?lang=en&theme=light&back=/spend");
    browser.click(".entries summary");
    browser.click(".entries a[href*='edit=']");
    browser.see("document.querySelector('#enter [name=id]')");
    browser.fill("#amount", "70000");
    browser.click("#enter .main");
    browser.see("document.querySelector('p.done')");
    browser.see("document.querySelector('.results .verdict.does-not-pay')");
    browser.click(".entries summary");
    browser.see_text(".entries details", "root corrected it to 70,000");
    browser.see_text(".entries details", "root imported 50,000");
    shop.open("/dashboard");
    browser.see(&format!("{cost}.innerText.startsWith('3,500')"));
    // A page that refuses a table says so to the browser as well; there is nothing else to complain of.
    let complaints = browser.console();
    assert!(
        complaints
            .iter()
            .all(|line| line.contains("/spend/import") && line.contains("422")),
        "{complaints:?}"
    );
}
