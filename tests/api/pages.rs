//! The pages as browsers get them: whole, in two languages, with every word of strangers shown as text.

use axum::http::{Method, StatusCode, header};

use ringtag::base::number::{Caller, Number};
use ringtag::store::say::Say;

use crate::house::{Answer, House, crew};

/// Markup, a way out of an attribute, a script's address, direction marks, and what templates read.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% raw %}\u{202e}&lt;javascript:alert(1)";

/// Somebody at a browser who came in by the link.
struct Guest {
    house: House,
    cookie: String,
    csrf: String,
}

impl Guest {
    async fn new() -> Self {
        let house = House::new();
        let (cookie, csrf) = house.enter().await;
        Self {
            house,
            cookie,
            csrf,
        }
    }

    async fn browse(&self, path: &str, language: &str) -> Answer {
        let headers = [
            ("accept", "text/html,application/xhtml+xml"),
            ("accept-language", language),
            ("cookie", &self.cookie),
        ];
        self.house.ask(Method::GET, path, &headers).await
    }

    async fn get(&self, path: &str) -> Answer {
        let headers = [("cookie", self.cookie.as_str())];
        self.house.ask(Method::GET, path, &headers).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, &[], form).await
    }

    async fn post_with(&self, path: &str, more: &[(&str, &str)], form: &str) -> Answer {
        let headers = [&[("cookie", self.cookie.as_str())], more].concat();
        let form = format!("csrf={}&{form}", self.csrf);
        self.house.post(path, &headers, &form).await
    }
}

/// A page without what its own templates write inside tags.
fn assert_harmless(path: &str, page: &Answer) {
    let text = page.text();
    assert!(
        text.starts_with("<!doctype html>") || path.starts_with("/ui/"),
        "{path}"
    );
    for mark in ["<script>", "<img", " onerror=alert(1)>", "<b>"] {
        assert!(!text.contains(mark), "{path}: {mark}");
    }
    assert!(!text.contains(" style=\""), "{path}: a style in the page");
    assert!(!text.contains("href=\"javascript:"), "{path}");
    assert!(text.len() < 150_000, "{path}: {} bytes", text.len());
}

#[tokio::test]
async fn words_of_strangers_are_shown_as_text_on_every_page() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let id = house.call(1, Caller::Other(HOSTILE.into()), false);
    let answered = house.call(2, Caller::Other(HOSTILE.into()), true);
    house.state.store.sync().unwrap();
    let words: String = HOSTILE.chars().take(60).collect();
    for call in [id, answered] {
        let say = Say {
            tags: Some(vec![words.clone()]),
            goal: Some(Some(words.clone())),
            stage: Some(Some(words.clone())),
            outcome: Some(Some(words.clone())),
            note: Some(Some(HOSTILE.to_owned())),
            ..Say::default()
        };
        house
            .state
            .store
            .say(call, say, "<b>anna</b>", None)
            .unwrap();
    }
    let odd = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in [
        "/".to_owned(),
        "/?status=missed&callback=open".to_owned(),
        format!(
            "/?q={odd}&source={odd}&tag={odd}&caller={odd}&since={odd}&period={odd}&status={odd}"
        ),
        format!("/calls/{id}"),
        format!("/calls/{answered}"),
        format!("/ui/rows?ids={id},{answered}&news=3"),
        "/board".to_owned(),
        "/ui/board".to_owned(),
        "/dashboard".to_owned(),
        format!("/dashboard?project={odd}"),
        "/reports".to_owned(),
        "/reports/sources".to_owned(),
        format!(
            "/reports/sources?by={odd}&figure={odd}&period={odd}&since={odd}&rule={odd}&without={odd}&tag={odd}"
        ),
        format!("/reports/{odd}"),
        format!("/nothing/{odd}"),
        format!("/calls/{odd}"),
    ] {
        for language in ["en", "ru"] {
            let page = guest.browse(&path, language).await;
            assert!(
                page.header(header::CONTENT_TYPE).starts_with("text/html"),
                "{path}: {}",
                page.status
            );
            assert_harmless(&path, &page);
        }
    }
    let list = guest.browse("/", "en").await.text();
    assert!(
        list.contains("&#60;script&#62;") || list.contains("&lt;script&gt;"),
        "{list}"
    );
}

#[tokio::test]
async fn the_list_speaks_the_language_of_the_browser_and_keeps_a_choice() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let number = Number::e164("+79161234567").unwrap();
    house.call(1, Caller::Number(number), false);
    house.state.store.sync().unwrap();
    let russian = guest.browse("/", "ru-RU,ru;q=0.9,en;q=0.8").await.text();
    assert!(russian.contains("<html lang=\"ru\""));
    assert!(russian.contains("Пропущен") && russian.contains("+7 916 123-45-67"));
    let english = guest.browse("/", "de").await.text();
    assert!(english.contains("<html lang=\"en\"") && english.contains("Missed"));
    let chosen = guest
        .get("/ui/look?lang=ru&back=%2F%3Fstatus%3Dmissed")
        .await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER);
    assert_eq!(chosen.header(header::LOCATION), "/?status=missed");
    let cookie = chosen.header(header::SET_COOKIE).to_owned();
    assert!(
        cookie.starts_with("lang=ru;") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    let cookies = format!("{}; lang=ru; theme=dark", guest.cookie);
    let headers = [("accept-language", "en"), ("cookie", &*cookies)];
    let kept = house.ask(Method::GET, "/", &headers).await.text();
    assert!(kept.contains("<html lang=\"ru\" data-theme=\"dark\""));
    let elsewhere = guest
        .get("/ui/look?theme=dark&back=https://evil.example/")
        .await;
    assert_eq!(elsewhere.header(header::LOCATION), "/");
}

#[tokio::test]
async fn a_list_is_narrowed_down_by_its_address_and_says_so() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let number = |text: &str| Caller::Number(Number::e164(text).unwrap());
    let missed = house.call(1, number("+79161234567"), false);
    let answered = house.call(2, number("+79035551122"), true);
    house.state.store.sync().unwrap();
    let has = |text: &str, id: ringtag::base::id::CallId| text.contains(&format!("id=\"c-{id}\""));
    for (query, first, second) in [
        ("", true, true),
        ("status=missed", true, false),
        ("status=missed&callback=open", true, false),
        ("status=answered", false, true),
        ("source=direct", true, true),
        ("source=other", false, false),
        ("manager=desk", false, true),
        ("caller=%2B7916*", true, false),
        ("q=5551122", false, true),
        ("since=2026-11-22", false, false),
        ("since=2026-11-21&until=2026-11-21", true, true),
        ("status=gone", true, true),
    ] {
        let page = guest.get(&format!("/?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        let text = page.text();
        assert_eq!(
            (has(&text, missed), has(&text, answered)),
            (first, second),
            "{query}"
        );
    }
    let mistaken = guest.get("/?status=gone").await.text();
    assert!(
        mistaken.contains("status=gone"),
        "what was not understood is named"
    );
    let rows = guest
        .get(&format!("/ui/rows?status=missed&ids={missed},{answered}"))
        .await
        .text();
    assert!(has(&rows, missed) && !has(&rows, answered));
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_name_of_their_version() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let page = guest.get("/").await.text();
    let mut found = 0;
    for part in page.split("\"/assets/").skip(1) {
        let path = format!("/assets/{}", part.split('"').next().unwrap());
        let asset = guest.get(&path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert!(
            asset.header(header::CACHE_CONTROL).contains("immutable"),
            "{path}"
        );
        let tag = asset.header(header::ETAG).to_owned();
        let known = [("if-none-match", tag.as_str())];
        let again = house.ask(Method::GET, &path, &known).await;
        assert_eq!(
            (again.status, again.body.len()),
            (StatusCode::NOT_MODIFIED, 0)
        );
        found += 1;
    }
    assert!(found >= 4, "{found}");
    let old = guest.get("/assets/0123456789ab/app.css").await;
    assert_eq!(old.header(header::CACHE_CONTROL), "no-cache");
    assert_eq!(
        guest.get("/assets/x/..%2f..%2fCargo.toml").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn people_get_a_page_for_a_refusal_and_programs_get_json() {
    let guest = Guest::new().await;
    for (path, status) in [
        ("/nothing", 404),
        ("/calls/x", 404),
        ("/ui/look?lang=xx", 400),
    ] {
        let page = guest.browse(path, "ru").await;
        assert_eq!(page.status.as_u16(), status, "{path}");
        assert!(
            page.header(header::CONTENT_TYPE).starts_with("text/html"),
            "{path}"
        );
        assert!(page.text().contains("К звонкам"), "{path}");
        let program = guest.get(path).await;
        assert_eq!(
            program.header(header::CONTENT_TYPE),
            "application/json",
            "{path}"
        );
    }
    let api = guest.browse("/api/v1/nothing", "en").await;
    assert_ne!(api.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
}

#[tokio::test]
async fn several_calls_are_told_at_once_and_keep_what_they_were_told_before() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let (one, two) = (
        house.call(1, Caller::Anonymous, true),
        house.call(2, Caller::Anonymous, true),
    );
    house.state.store.sync().unwrap();
    let tagged = Say {
        tags: Some(vec!["old".to_owned()]),
        ..Say::default()
    };
    house.state.store.say(one, tagged, "anna", None).unwrap();
    let body = format!("id={one}&id={two}&tag=new&goal=price&target=&back=%2F%3Fq%3D");
    let done = guest.post("/ui/say", &body).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.header(header::LOCATION), "/?q=&done=2");
    let call = |id| house.state.store.call(id).unwrap().unwrap();
    assert_eq!(call(one).tags, ["old", "new"]);
    assert_eq!(call(two).tags, ["new"]);
    assert_eq!(call(two).goal.as_deref(), Some("price"));
    assert_eq!(call(two).target, None);
    let said = guest.get("/?done=2").await.text();
    assert!(said.contains("2 calls changed"), "{said}");
}

#[tokio::test]
async fn who_was_quicker_is_named_for_each_call_and_nothing_of_theirs_is_undone() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let (one, two) = (
        house.call(1, Caller::Anonymous, true),
        house.call(2, Caller::Anonymous, true),
    );
    house.state.store.sync().unwrap();
    let store = &house.state.store;
    let call = |id| store.call(id).unwrap().unwrap();
    let seen = |id| format!("{id}.{}", call(id).version);
    let picked = format!("id={}&id={}&id={}", seen(one), seen(two), seen(two));
    let page = guest.get("/").await.text();
    assert!(page.contains(&format!("value=\"{}\"", seen(one))), "{page}");
    let sold = Say {
        tags: Some(vec!["sold".to_owned()]),
        goal: Some(Some("order".to_owned())),
        ..Say::default()
    };
    store.say(one, sold, "boris", None).unwrap();
    let body = format!("{picked}&tag=spam&goal=price&back=%2F%3Ftag%3Dx");
    let told = guest.post("/ui/say", &body).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    let text = told.text();
    assert!(text.contains("1 call changed"), "{text}");
    assert!(text.contains("boris has changed it meanwhile"), "{text}");
    assert!(text.contains(&format!("/calls/{one}")), "{text}");
    assert!(!text.contains(&format!("/calls/{two}")), "{text}");
    assert!(text.contains("href=\"/?tag=x\""), "{text}");
    assert_eq!(call(one).tags, ["sold"]);
    assert_eq!(call(one).goal.as_deref(), Some("order"));
    assert_eq!(call(two).tags, ["spam"]);
    assert_eq!(call(two).said.len(), 2, "a call that was named twice");
    // The page's own script is told the same, and what it was not told before it can say again.
    let json = [("accept", "application/json")];
    let body = format!("id={}&id={}.1&tag=vip", seen(one), two);
    let told = guest.post_with("/ui/say", &json, &body).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    let told = told.json();
    assert_eq!(told["changed"], serde_json::json!([one]));
    assert_eq!(told["left"][0]["id"], two.to_string());
    assert!(
        told["left"][0]["why"]
            .as_str()
            .unwrap()
            .contains("meanwhile"),
        "{told}"
    );
    assert_eq!(call(one).tags, ["sold", "vip"]);
    assert_eq!(call(two).tags, ["spam"]);
}

#[tokio::test]
async fn a_call_of_which_it_cannot_be_said_keeps_the_others_from_nothing() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let (one, gone) = (
        house.call(1, Caller::Anonymous, true),
        "019aa5c4-98f0-7000-8000-000000000001",
    );
    house.state.store.sync().unwrap();
    let body = format!("id={gone}.3&id={one}&tag=new");
    let told = guest.post("/ui/say", &body).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.text().contains("not there any more"));
    let call = || house.state.store.call(one).unwrap().unwrap();
    assert_eq!(call().tags, ["new"]);
    // A form that cannot be read says nothing of any.
    for wrong in [
        format!("id={one}&id=x&tag=other"),
        format!("id={one}.x&tag=other"),
    ] {
        let told = guest.post("/ui/say", &wrong).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(call().tags, ["new"]);
}

#[tokio::test]
async fn managers_are_offered_to_those_whose_calls_they_answer() {
    let more = "[[source]]\ntag = \"yard\"\nproject = \"clinic\"\nnumbers = \"+74950000002\"\n\
                [[manager]]\nid = \"doctor\"\nextension = \"102\"\ntrunk = \"pbx\"\n\
                [[rule]]\nid = \"clinic\"\nproject = \"clinic\"\nto = \"manager:doctor\"\n";
    let house = House::with(&format!("{}{more}", crew()));
    for (name, sees) in [
        ("clara", ["doctor"].as_slice()),
        ("boris", &["desk", "doctor"]),
    ] {
        let (cookie, _) = house.log_in(name).await;
        let page = house
            .ask(Method::GET, "/", &[("cookie", &cookie)])
            .await
            .text();
        let field = page.split("id=\"filter-manager\"").nth(1).unwrap();
        let field = field.split("</select>").next().unwrap();
        for manager in ["desk", "doctor"] {
            let is_there = field.contains(&format!("value=\"{manager}\""));
            assert_eq!(
                is_there,
                sees.contains(&manager),
                "{name} {manager}: {field}"
            );
        }
    }
}

#[tokio::test]
async fn a_list_says_how_many_calls_there_are_and_offers_the_tags_that_people_use() {
    let guest = Guest::new().await;
    let house = &guest.house;
    for n in 0..60 {
        house.call(n, Caller::Anonymous, n % 2 == 0);
    }
    house.state.store.sync().unwrap();
    let own = Say {
        tags: Some(vec!["of her own".to_owned()]),
        ..Say::default()
    };
    let id = house.call(61, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    house.state.store.say(id, own, "anna", None).unwrap();
    let page = guest.get("/").await.text();
    assert!(page.contains("<p class=\"total\">61 calls</p>"), "{page}");
    assert!(page.contains("<option value=\"of her own\""), "{page}");
    let missed = guest.get("/?status=missed").await.text();
    assert!(missed.contains("<p class=\"total\">30 calls</p>"));
    let none = guest.get("/?tag=none").await.text();
    assert!(!none.contains("class=\"total\""));
}

#[tokio::test]
async fn a_missed_caller_is_called_back_by_one_button() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let caller = Caller::Number(Number::e164("+79161234567").unwrap());
    let missed = house.call(1, caller, false);
    house.state.store.sync().unwrap();
    let open = "/?status=missed&callback=open";
    assert!(
        guest
            .get(open)
            .await
            .text()
            .contains(&format!("id=\"c-{missed}\""))
    );
    guest
        .post("/ui/say", &format!("called_back={missed}&tag="))
        .await;
    assert!(
        !guest
            .get(open)
            .await
            .text()
            .contains(&format!("id=\"c-{missed}\""))
    );
    let call = guest.get(&format!("/calls/{missed}")).await.text();
    assert!(call.contains("Called back"), "{call}");
}

#[tokio::test]
async fn a_form_without_a_script_says_what_a_call_was_and_notices_who_was_quicker() {
    let guest = Guest::new().await;
    let house = &guest.house;
    let id = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let path = format!("/calls/{id}");
    let version = house.state.store.call(id).unwrap().unwrap().version;
    let body = format!(
        "version={version}&target=true&goal=order&stage=&outcome=sold&value=12%C2%A0500%2C50&note=a%0D%0Ab&tags=vip&new_tag=x%2C+y"
    );
    assert_eq!(guest.post(&path, &body).await.status, StatusCode::SEE_OTHER);
    let call = house.state.store.call(id).unwrap().unwrap();
    assert_eq!(call.target, Some(true));
    assert_eq!(call.value, Some(12_500.5));
    assert_eq!(call.note.as_deref(), Some("a\nb"));
    assert_eq!(call.tags, ["vip", "x", "y"]);
    let late = guest.post(&path, &body.replace("order", "price")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text().contains("somebody else changed this call"));
    let call = house.state.store.call(id).unwrap().unwrap();
    assert_eq!(call.goal.as_deref(), Some("order"));
    assert_eq!(
        guest.post(&path, "value=much").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn the_board_counts_what_was_missed_and_answered_today() {
    let guest = Guest::new().await;
    let board = guest.get("/ui/board").await.text();
    assert!(board.contains("All is quiet."), "{board}");
    let page = guest.get("/board").await.text();
    assert!(
        page.contains("data-theme=\"dark\""),
        "a wall is dark by itself"
    );
}

#[tokio::test]
async fn a_page_says_from_where_on_live_events_are_news_and_strangers_are_not_told() {
    let guest = Guest::new().await;
    let told = |page: &str| {
        let (_, rest) = page.split_once("data-told=\"").unwrap();
        rest.split_once('"').unwrap().0.parse::<u64>().unwrap()
    };
    guest.house.call(1, Caller::Anonymous, false);
    guest.house.state.store.sync().unwrap();
    let last = guest.house.state.store.feed().last();
    let page = guest.browse("/", "en").await.text();
    assert!(last > 0 && told(&page) == last, "{last}");
    let house = House::with(&crew());
    house.call(1, Caller::Anonymous, false);
    house.state.store.sync().unwrap();
    let login = house.ask(Method::GET, "/login", &[]).await.text();
    assert_eq!(told(&login), 0);
}
