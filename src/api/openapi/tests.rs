//! The document against the table of routes, the parameters that are read, and a record that has everything.

use std::collections::BTreeSet;

use axum::extract::Query as Pairs;
use serde_json::{Value, json};

use crate::api::openapi::document;
use crate::api::query;
use crate::api::router;
use crate::store::record::CallRecord;
use crate::track::Tracking;

/// A call that has everything that a call can have, so that every shape is looked at.
fn whole_record() -> Value {
    let record = r#"{
        "id": "019aa5c4-98f0-7000-8000-000000000001",
        "project": "shop", "source": "billboard", "channel": "outdoor", "campaign": "spring",
        "category": "mowers", "tracked": true, "caller": "+79161234567", "caller_from": "From",
        "virtual_number": "+74950000001", "direction": "inbound", "rule": "mowers",
        "targets_tried": [{
            "target": "manager:desk", "trunk": "pbx", "result": "answered", "sip_status": 200,
            "ring_ms": 1700
        }],
        "manager": "desk", "destination": "101",
        "started_at": "2026-11-21T09:30:01.000Z", "ringing_at": "2026-11-21T09:30:01.300Z",
        "answered_at": "2026-11-21T09:30:03.000Z", "ended_at": "2026-11-21T09:31:03.000Z",
        "wait_ms": 2000, "talk_ms": 60000, "total_ms": 62000, "answered": true, "missed": false,
        "finish_reason": "completed", "hung_up_by": "callee", "sip_status": 200, "q850_cause": 16,
        "first_call": true, "prior_calls": 0, "tags": ["hot"], "target": true, "goal": "price",
        "stage": "offer", "outcome": "sold", "value": 12.5, "note": "Ivan",
        "notes": [{
            "id": 7, "at_ms": 65000, "text": "asks", "by": "anna", "at": "2026-11-21T09:40:00.000Z"
        }],
        "callback": {
            "since": "2026-11-21T09:31:03.000Z",
            "done": {"at": "2026-11-21T09:35:00.000Z", "by": "anna"}
        },
        "said": [{
            "n": 9, "at": "2026-11-21T09:40:00.000Z", "by": "anna", "kind": "person", "what": "tags",
            "from": null, "to": ["hot"]
        }],
        "uses": [{"at": "2026-11-21T09:40:00.000Z", "by": "anna", "what": "played"}],
        "version": 9,
        "legs": [{
            "trunk": "carrier", "remote_uri": "sip:+79161234567@127.0.0.1", "sip_call_id": "a",
            "codec": "PCMA/8000", "packets_in": 3000, "packets_out": 2999, "lost": 1,
            "jitter_ms": 0.5, "digits": "12#", "digit_times": [1000, 1200, 1400], "role": "caller", "joined_ms": 0, "left_ms": 60000,
            "srtp": "AES_CM_128_HMAC_SHA1_80", "srtp_failed": 0,
            "rtt_ms": 40.5, "lost_there": 3, "jitter_there_ms": 1.5, "mos_estimate": 4.39
        }],
        "transfers": [{
            "at": "2026-11-21T09:30:30.000Z", "by": "manager:desk", "to": "ext:102@pbx",
            "result": "answered", "sip_status": 200,
            "joined": "019a1b2c-0000-7000-8000-000000000002"
        }],
        "recording": {
            "file": "2026/11/21/a.wav", "duration_ms": 60000, "sample_rate_hz": 8000,
            "channels": 2, "bytes": 1920044, "sha256": "00", "state": "partial",
            "gaps": [{"side": "callee", "from_ms": 10, "length_ms": 20, "why": "recorder behind"}],
            "gaps_ms": 20, "one_way": "callee", "off_by_ms": -120,
            "pauses": [{"from_ms": 1000, "length_ms": 2000, "by": "anna"}],
            "parts": [{"file": "2026/11/21/a.2.wav", "duration_ms": 5, "bytes": 84, "sha256": null}]
        }
    }"#;
    // Through the record itself: what it writes is what counts, and a new member of it is not in the text above.
    let record: CallRecord = serde_json::from_str(record).unwrap();
    serde_json::to_value(record).unwrap()
}

/// Names what a value has that its shape lacks, what it lacks that its shape requires, and what is of another kind.
fn differences(value: &Value, shape: &Value, at: &str, document: &Value) -> Vec<String> {
    if let Some(name) = shape["$ref"].as_str() {
        let shape = document.pointer(name.trim_start_matches('#')).unwrap();
        return differences(value, shape, at, document);
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(shapes) = shape[word].as_array() {
            let each: Vec<_> = shapes
                .iter()
                .map(|shape| differences(value, shape, at, document))
                .collect();
            let nearest = each.into_iter().min_by_key(Vec::len);
            return nearest.unwrap_or_default();
        }
    }
    let kinds = &shape["type"];
    let kinds: Vec<&str> = match kinds.as_array() {
        Some(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        None => kinds.as_str().into_iter().collect(),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_known = kinds.contains(&is) || is == "integer" && kinds.contains(&"number");
    if !is_known {
        return vec![format!("{at} is {is} and not {kinds:?}")];
    }
    match value {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| differences(item, &shape["items"], &format!("{at}[]"), document))
            .collect(),
        Value::Object(members) => {
            let has: BTreeSet<_> = members.keys().cloned().collect();
            let knows: BTreeSet<_> = shape["properties"]
                .as_object()
                .map(|known| known.keys().cloned().collect())
                .unwrap_or_default();
            let mut found: Vec<String> = has
                .symmetric_difference(&knows)
                .map(|member| format!("{at}.{member} is on one side only"))
                .collect();
            for (name, value) in members {
                let shape = &shape["properties"][name];
                if !shape.is_null() {
                    let at = format!("{at}.{name}");
                    found.extend(differences(value, shape, &at, document));
                }
            }
            found
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[test]
fn a_record_has_the_members_that_the_document_gives_it_and_no_others() {
    let document = document();
    let shape = json!({"$ref": "#/components/schemas/Call"});
    let record = whole_record();
    let found = differences(&record, &shape, "call", &document);
    assert_eq!(found, [""; 0]);
    let mut odd = record;
    odd["recording"]["colour"] = json!("red");
    let found = differences(&odd, &shape, "call", &document);
    assert_eq!(found, ["call.recording.colour is on one side only"]);
}

#[test]
fn every_route_of_the_api_is_an_operation_and_every_operation_a_route() {
    let document = document();
    let operations: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let of = |method: &String| (path.clone(), method.to_uppercase());
            item.as_object().unwrap().keys().map(of).collect::<Vec<_>>()
        })
        .collect();
    // HEAD is where GET is (RFC 9110 9.3.2) and needs no description of its own.
    let routes: BTreeSet<(String, String)> = router::table()
        .keys()
        .filter(|(path, method)| path.starts_with("/api/") && method != "HEAD")
        .map(|(path, method)| ((*path).to_owned(), method.clone()))
        .collect();
    assert_eq!(routes, operations);
}

#[test]
fn the_parameters_of_a_list_are_those_that_are_read() {
    let document = document();
    for path in ["/api/v1/calls", "/api/v1/calls.csv"] {
        let described: BTreeSet<&str> = document["paths"][path]["get"]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| {
                assert_eq!(parameter["in"], "query");
                assert_eq!(parameter["required"], false, "{parameter}");
                parameter["name"].as_str().unwrap()
            })
            .collect();
        let read = query::CONDITIONS.iter().chain(query::OF_A_LIST);
        let read: BTreeSet<&str> = read.copied().collect();
        assert_eq!(described, read);
    }
    let status = &document["paths"]["/api/v1/calls"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|parameter| parameter["name"] == "status")
        .unwrap()["schema"]["enum"];
    for word in status.as_array().unwrap() {
        let pair = ("status".to_owned(), word.as_str().unwrap().to_owned());
        // One of them is empty, as a form sends it that was not filled in.
        assert!(
            query::calls(Ok(Pairs(vec![pair])), &Tracking::default()).is_ok(),
            "{word}"
        );
    }
}

#[test]
fn every_operation_says_who_may_and_how_a_refusal_looks() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["components"]["securitySchemes"]["token"].is_object());
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{place}");
            assert!(
                names.insert(operation["operationId"].to_string()),
                "{place}"
            );
            let refusal = &operation["responses"]["default"]["content"]["application/json"];
            assert_eq!(
                refusal["schema"]["$ref"], "#/components/schemas/Refusal",
                "{place}"
            );
        }
    }
}
