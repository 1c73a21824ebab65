//! What every operation of the document has: how one proves who one is, and how a refusal looks.

use utoipa::Modify;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, Object, ObjectBuilder, Schema, Type,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, ResponseBuilder};

/// Shapes that a request sends. In all others every member is always there.
const ASKED: &[&str] = &[
    "CallChange",
    "BulkChange",
    "NewNote",
    "NewToken",
    "NewSaved",
    "SavedChange",
    "NewSending",
    "LetterAsked",
    "NewSpend",
    "SpendChange",
];

/// Members that an answer may leave out, by shape.
const MAY_BE_MISSING: &[(&str, &str)] = &[("TargetTried", "trunk"), ("Transfer", "joined")];

/// Completes the document.
pub(in crate::api::openapi) struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("rt_…")
            .description(Some("A token made by `POST /api/v1/tokens`."));
        let session = ApiKeyValue::with_description(
            "ringtag",
            "The session of a page. Requests that change something then need the header x-csrf as well.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
        for (name, schema) in &mut components.schemas {
            let RefOr::T(Schema::Object(object)) = schema else {
                continue;
            };
            if ASKED.contains(&name.as_str()) {
                // A member that nobody knows is a mistake of whoever wrote it.
                let none = AdditionalProperties::FreeForm(false);
                object.additional_properties = Some(Box::new(none));
            } else {
                require_all(name, object);
            }
        }
        let none: [&str; 0] = [];
        document.security = Some(vec![
            SecurityRequirement::new("token", none),
            SecurityRequirement::new("session", none),
        ]);
        for item in document.paths.paths.values_mut() {
            for operation in operations(item) {
                refuse(operation);
                for parameter in operation.parameters.iter_mut().flatten() {
                    if let RefOr::T(parameter) = parameter {
                        may_be_empty(parameter);
                    }
                }
            }
        }
    }
}

/// What is written is always written whole, so that a client need not ask whether a member is there.
fn require_all(name: &str, object: &mut Object) {
    let may_be_missing = |member: &String| MAY_BE_MISSING.contains(&(name, member.as_str()));
    object.required = object
        .properties
        .keys()
        .filter(|member| !may_be_missing(member))
        .cloned()
        .collect();
}

/// A parameter of a form that was not filled in is sent empty, and is as one left out.
fn may_be_empty(parameter: &mut Parameter) {
    if parameter.parameter_in != ParameterIn::Query || parameter.required == Required::True {
        return;
    }
    let Some(RefOr::T(schema)) = &mut parameter.schema else {
        return;
    };
    let empty = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(0));
    match schema {
        Schema::Object(object) => {
            if let Some(words) = &mut object.enum_values {
                words.push("".into());
            } else if object.format.is_some() || object.schema_type != Type::String.into() {
                let either = AnyOfBuilder::new().item(object.clone()).item(empty);
                *schema = either.into();
            }
        }
        Schema::AnyOf(either) => either.items.push(empty.into()),
        // An array has as many items as it has, and none where there is none.
        Schema::Array(_) | Schema::OneOf(_) | Schema::AllOf(_) | _ => {}
    }
}

/// Any status that an operation does not name is a refusal of the one shape.
fn refuse(operation: &mut Operation) {
    let shape = Content::new(Some(Ref::from_schema_name("Refusal")));
    let refusal = ResponseBuilder::new()
        .description("It was refused; the body says why and what would be right.")
        .content("application/json", shape);
    operation
        .responses
        .responses
        .entry("default".to_owned())
        .or_insert_with(|| refusal.build().into());
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}
