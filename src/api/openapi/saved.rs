//! Saved reports in the API's document.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};

use crate::store::saved::{RECIPIENTS_MAX, VALUE_MAX};

/// The saved reports.
#[derive(ToSchema)]
pub(in crate::api) struct SavedList {
    /// The oldest first.
    saved: Vec<SavedShown>,
    /// Whether mail is set up: without it nothing is sent.
    mail: bool,
}

/// A saved report.
#[derive(ToSchema)]
pub(in crate::api) struct SavedShown {
    /// Names it in addresses.
    id: String,
    /// `[[project]] id`.
    project: String,
    /// What people call it.
    name: String,
    /// Which report.
    #[schema(example = "sources")]
    report: String,
    /// Members of the report's address; `period` moves on with the calendar.
    filter: BTreeMap<String, String>,
    /// The page that shows it as it is now.
    href: String,
    /// The language in which it is sent.
    language: String,
    /// Who saved it, or changed it last: what they may see is what is sent.
    saved_by: String,
    /// When.
    #[schema(format = DateTime)]
    saved_at: String,
    /// When it is sent, and to whom; `null`: it is not.
    sending: Option<SendingShown>,
    /// The last letter that a server took.
    delivered: Option<LetterEnded>,
    /// Letters on their way.
    waiting: Vec<LetterWaits>,
    /// Letters that are not tried any more.
    dead: Vec<LetterEnded>,
    /// Why it is not sent now.
    withheld: Option<LetterWithheld>,
}

/// When a report is sent, and to whom.
#[derive(ToSchema)]
struct SendingShown {
    /// Monday 1 to Sunday 7.
    #[schema(minimum = 1, maximum = 7)]
    weekday: u8,
    /// On the clocks of the project.
    #[schema(maximum = 23)]
    hour: u8,
    /// Addresses of e-mail.
    recipients: Vec<String>,
    /// The next turn.
    #[schema(format = DateTime)]
    next: Option<String>,
}

/// A letter that came to its end.
#[derive(ToSchema)]
struct LetterEnded {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// The day of the week's turn, or the time of asking.
    period: String,
    /// Whom it was for.
    recipient: String,
    /// What it bears; a letter that comes twice bears it twice.
    message_id: String,
    /// Why nobody tries any more; `null`: a server took it.
    why: Option<String>,
}

/// A letter that waits.
#[derive(ToSchema)]
struct LetterWaits {
    /// The day of the week's turn, or the time of asking.
    period: String,
    /// Whom it is for.
    recipient: String,
    /// How often it was tried.
    tries: u32,
    /// When it is tried next.
    #[schema(format = DateTime)]
    next: String,
    /// What the last try said.
    why: Option<String>,
}

/// Why a report is not sent.
#[derive(ToSchema)]
struct LetterWithheld {
    /// `no-mail`, `no-user`, `no-right` or `no-project`.
    code: String,
    /// Whom or what it is about; empty: nobody.
    about: String,
}

/// Whom a letter goes to.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum Whom {
    /// All who have it every week.
    Recipients,
    /// The `email` of one's `[[user]]`.
    Me,
    /// Letters that wait or were given up.
    Again,
}

/// A language of the pages.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum Tongue {
    /// English.
    En,
    /// Russian.
    Ru,
}

/// A report that is to be saved.
#[derive(ToSchema)]
pub(in crate::api) struct NewSaved {
    /// In one line.
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
        example = "Sources, weekly"
    )]
    name: String,
    /// Which report.
    #[schema(example = "sources")]
    report: String,
    /// May be left out where only one is yours.
    #[schema(required = false, nullable = false, max_length = 64)]
    project: Option<String>,
    /// Members of the report's address, but for `project`, `caller` and `q`. `period` is a period that moves on: `last-week`,
    /// `this-week`, `today`, `yesterday`, `last-7-days`, `last-30-days`, `last-90-days`, `last-month`, `this-month`, `last-quarter`.
    #[schema(schema_with = filter, required = false)]
    filter: Option<BTreeMap<String, String>>,
    /// `en` or `ru`.
    #[schema(required = false, nullable = false)]
    language: Option<Tongue>,
    /// For whoever may have reports sent.
    sending: Option<NewSending>,
}

/// What is to be changed of one.
#[derive(ToSchema)]
pub(in crate::api) struct SavedChange {
    /// In one line.
    #[schema(
        required = false,
        nullable = false,
        min_length = 1,
        max_length = 120,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$"
    )]
    name: Option<String>,
    /// `en` or `ru`.
    #[schema(required = false, nullable = false)]
    language: Option<Tongue>,
    /// `null`: it is no longer sent.
    sending: Option<NewSending>,
}

/// When a report is to be sent, and to whom.
#[derive(ToSchema)]
struct NewSending {
    /// Monday 1 to Sunday 7.
    #[schema(minimum = 1, maximum = 7)]
    weekday: u8,
    /// On the clocks of the project.
    #[schema(maximum = 23)]
    hour: u8,
    /// Addresses of e-mail in ASCII.
    #[schema(schema_with = recipients)]
    recipients: Vec<String>,
}

fn recipients() -> RefOr<Schema> {
    let address = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("email".to_owned())));
    ArrayBuilder::new()
        .items(address)
        .min_items(Some(1))
        .max_items(Some(RECIPIENTS_MAX))
        .into()
}

fn filter() -> RefOr<Schema> {
    let value = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(VALUE_MAX));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .additional_properties(Some(AdditionalProperties::RefOr(value.into())))
        .into()
}

/// Whom a letter is to go to.
#[derive(ToSchema)]
pub(in crate::api) struct LetterAsked {
    /// Whom it is to go to.
    to: Whom,
}
