//! The letter of a saved report: HTML for programs that read e-mail, which know tables and styles within tags and little
//! else; and the same as plain text.

use askama::Template;

use crate::web::words::{Language, Words};

/// Widest name of a line in the plain text, in characters.
const NAME_MAX: usize = 28;

/// A letter.
#[derive(Template)]
#[template(path = "letter.html")]
pub struct LetterPage {
    /// Its language.
    pub language: Language,
    /// The words of that language.
    pub words: &'static Words,
    /// What people call the report.
    pub name: String,
    /// The project's name.
    pub project: String,
    /// `16 November – 22 November`.
    pub period: String,
    /// What the smaller figures are of.
    pub before: String,
    /// What the lines are of: `Source`.
    pub of: String,
    /// The headings.
    pub columns: Vec<String>,
    /// The lines.
    pub rows: Vec<LetterRow>,
    /// How many lines the table has beside these.
    pub left_out: Option<String>,
    /// What the picture shows.
    pub drawn: String,
    /// What each of its bars is of, and its figure.
    pub bars: Vec<Cell>,
    /// The picture's `cid:`, where there is one.
    pub picture: Option<String>,
    /// The report's page and the page of saved reports.
    pub links: Option<(String, String)>,
    /// Who saved it.
    pub saved_by: String,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRow {
    /// What it is of.
    pub name: String,
    /// A cell a column.
    pub cells: Vec<Cell>,
    /// It is all of them together.
    pub is_total: bool,
}

/// A figure beside the one of the period before; or a bar's name beside its figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The figure.
    pub now: String,
    /// The one before; empty: there is none.
    pub before: String,
}

impl LetterPage {
    /// The message `name`.
    pub fn say(&self, name: &str) -> String {
        self.words.say(name)
    }

    /// The message `name` with `$a` in it.
    pub fn with(&self, name: &str, a: &str) -> String {
        self.words.with(name, a)
    }

    /// The letter as plain text: each line with its figures below each other, since no program keeps columns in place.
    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("{} · {}", self.name, self.project),
            self.period.clone(),
            self.before.clone(),
        ];
        for row in &self.rows {
            lines.push(String::new());
            lines.push(row.name.clone());
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                let shown: String = column.chars().take(NAME_MAX).collect();
                let before = if cell.before.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", cell.before)
                };
                lines.push(format!("  {shown}: {}{before}", cell.now));
            }
        }
        lines.extend(
            self.left_out
                .iter()
                .flat_map(|said| [String::new(), said.clone()]),
        );
        lines.push(String::new());
        if let Some((report, all)) = &self.links {
            lines.push(format!("{}: {report}", self.say("letter-open")));
            lines.push(format!("{}: {all}", self.say("letter-settings")));
        }
        lines.push(self.with("letter-foot", &self.saved_by));
        lines.join("\r\n") + "\r\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> LetterPage {
        LetterPage {
            language: Language::English,
            words: Words::of(Language::English),
            name: "Sources <b>".into(),
            project: "Garden shop".into(),
            period: "16 November – 22 November".into(),
            before: "small: 9 November – 15 November".into(),
            of: "Source".into(),
            columns: vec!["Calls".into(), "Missed".into()],
            rows: vec![LetterRow {
                name: "bill\"board<script>".into(),
                cells: vec![
                    Cell {
                        now: "120".into(),
                        before: "100".into(),
                    },
                    Cell {
                        now: "3".into(),
                        before: String::new(),
                    },
                ],
                is_total: false,
            }],
            left_out: None,
            drawn: "Calls".into(),
            bars: vec![Cell {
                now: "billboard".into(),
                before: "120".into(),
            }],
            picture: Some("chart@ringtag".into()),
            links: Some((
                "https://a.example/reports/sources?a=1&b=2".into(),
                "https://a.example/saved".into(),
            )),
            saved_by: "anna".into(),
        }
    }

    #[test]
    fn the_html_has_every_figure_and_no_markup_of_people() {
        let html = page().render().unwrap();
        for part in [
            "120",
            "100",
            "cid:chart@ringtag",
            "a=1&#38;b=2",
            "Garden shop",
            "anna",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(
            !html.contains("<script") && !html.contains("Sources <b>"),
            "{html}"
        );
        // Programs that read letters take no style sheets and no scripts, and load nothing from elsewhere.
        assert!(
            !html.contains("<link") && !html.contains("src=\"http"),
            "{html}"
        );
    }

    #[test]
    fn the_text_says_the_same() {
        let text = page().text();
        assert!(
            text.contains("bill\"board<script>\r\n  Calls: 120 (100)\r\n  Missed: 3\r\n"),
            "{text}"
        );
        assert!(
            text.contains("https://a.example/reports/sources?a=1&b=2"),
            "{text}"
        );
    }
}
