//! Trials of `[[rule]]`: what is read and every mistake that is told.

use super::*;
use crate::config::trial::{OFFICE, good, office_notes};

fn rule(text: &str) -> Rule {
    let config = good(&format!("{OFFICE}[[rule]]\nid = \"r\"\n{text}"));
    config.routing.rules()[0].clone()
}

fn mistakes(text: &str) -> Vec<String> {
    let mut notes = office_notes(&format!("[[rule]]\nid = \"r\"\n{text}"));
    notes.retain(|note| !note.contains(" warning: "));
    notes
}

#[test]
fn every_condition_is_a_value_or_a_list() {
    let one = rule(
        "project = \"shop\"\nsource = \"direct\"\ncategory = \"mowers\"\nnumber = \"+74950000001\"\ncaller = \"+7800*\"\nhours = \"Mon-Fri 09:00-18:00\"\nrepeat = true\ntrunk = \"carrier\"\nto = \"manager:desk\"\n",
    );
    let list = rule(
        "project = [\"shop\"]\nsource = [\"direct\"]\ncategory = [\"mowers\"]\nnumber = [\"+74950000001\"]\ncaller = [\"+7800*\"]\nhours = [\"Mon-Fri 09:00-18:00\"]\nrepeat = [true]\ntrunk = [\"carrier\"]\nto = [\"manager:desk\"]\n",
    );
    assert_eq!(one, list);
    assert_eq!(one.when.repeat, Some(true));
    assert_eq!(
        rule("repeat = [true, false]\nto = \"manager:desk\"\n")
            .when
            .repeat,
        None
    );
}

#[test]
fn every_kind_of_target_is_read() {
    let read = rule(
        "to = [\"group:sales\", \"manager:desk\", \"manager:last\", \"ext:205@pbx\", \"number:8 916 000-00-01@carrier\"]\nring_s = 12\nrecord = false\n",
    );
    let Action::To(aims) = &read.action else {
        panic!("{:?}", read.action);
    };
    let names: Vec<_> = aims
        .iter()
        .map(|aim| match aim {
            Aim::Group(group) => format!("group:{}", group.id),
            Aim::Manager(manager) => manager.target.name.to_string(),
            Aim::LastManager => "last".to_owned(),
            Aim::Target(target) => target.name.to_string(),
        })
        .collect();
    assert_eq!(
        names,
        [
            "group:sales",
            "manager:desk",
            "last",
            "ext:205@pbx",
            "number:+79160000001@carrier"
        ]
    );
    assert_eq!((read.ring_s, read.record), (Some(12), Some(false)));
}

#[test]
fn references_that_lead_nowhere_are_all_told_with_what_was_meant() {
    assert_eq!(
        mistakes(
            "project = \"shpo\"\nsource = \"billbord\"\ncategory = [\"mowers\", \"mover\"]\nnumber = \"+74950000009\"\ntrunk = \"carier\"\nto = [\"group:sale\", \"manager:desc\", \"ext:1@pxb\", \"number:+79160000001@carier\"]\n"
        ),
        [
            "3:11: there is no [[project]] \"shpo\"; did you mean `shop`?",
            "4:10: there is no [[source]] \"billbord\"; did you mean `billboard`?",
            "5:23: no [[source]] has the category \"mover\"; did you mean `mowers`?",
            "6:10: no [[source]] has the number +74950000009; add it to the numbers of a source; `number` is the virtual number, `caller` who calls",
            "7:9: there is no [[trunk]] \"carier\"; did you mean `carrier`?",
            "8:7: there is no [[group]] \"sale\"; did you mean `sales`?",
            "8:21: there is no [[manager]] \"desc\"; did you mean `desk`?",
            "8:37: there is no [[trunk]] \"pxb\"; did you mean `pbx`?",
            "8:50: there is no [[trunk]] \"carier\"; did you mean `carrier`?",
        ]
    );
}

#[test]
fn impossible_hours_say_which_part_is_wrong() {
    let remedy = "write days and times, such as \"Mon-Fri 09:00-18:00\" or \"22:00-06:00\"";
    assert_eq!(
        mistakes(
            "hours = [\"Mo-Fr 09:00-18:00\", \"Mon 25:00-26:00\", \"Mon 09:00-09:00\",\n  \"Mon 9-18\", \"Mon 09:00-18:00 UTC\", \"09:60-10:00\"]\nto = \"manager:desk\"\n"
        ),
        [
            format!(
                "3:10: `hours` has \"Mo-Fr 09:00-18:00\": `Mo` is no day of the week; {remedy}"
            ),
            format!("3:31: `hours` has \"Mon 25:00-26:00\": `25:00` is no time of day; {remedy}"),
            format!("3:50: `hours` has \"Mon 09:00-09:00\": it begins and ends at 09:00; {remedy}"),
            format!(
                "4:3: `hours` has \"Mon 9-18\": `Mon 9-18` is no days with a span of time; {remedy}"
            ),
            format!(
                "4:15: `hours` has \"Mon 09:00-18:00 UTC\": `Mon 09:00-18:00 UTC` is no days with a span of time; {remedy}"
            ),
            format!("4:38: `hours` has \"09:60-10:00\": `09:60` is no time of day; {remedy}"),
        ]
    );
}

#[test]
fn a_rule_does_one_thing() {
    assert_eq!(
        mistakes(""),
        [
            "1:1: [[rule]] has neither `to` nor `reject`; add to = [\"group:mowers\", \"manager:mobile\"] or reject = 603"
        ]
    );
    assert_eq!(
        mistakes("to = \"manager:desk\"\nreject = 603\n"),
        ["4:10: a rule has `to` or `reject`, not both; leave one of them out"]
    );
    assert_eq!(
        mistakes("to = \"desk\"\nreject = 603\n").len(),
        2,
        "what is wrong with the targets is told at once"
    );
    assert_eq!(
        mistakes("reject = 200\n"),
        ["3:10: `reject` is 200, outside 400 to 699; write a number from 400 to 699, such as 603"]
    );
    assert_eq!(
        mistakes("to = []\n"),
        [
            "3:6: `to` is an empty list; write to = [\"group:mowers\", \"manager:mobile\"], or leave the key out"
        ]
    );
}

#[test]
fn what_is_no_target_and_no_caller_is_told() {
    assert_eq!(
        mistakes(
            "caller = [\"+7*9\", \"anonymous\"]\nto = [\"desk\", \"ext:101\", \"number:abc@pbx\"]\n"
        ),
        [
            "3:11: `caller` has \"+7*9\", where a * stands before the end; write a whole number, a beginning with one * at its end, or \"anonymous\"",
            "4:7: \"desk\" is no target; write group:ID, manager:ID, manager:last, ext:101@TRUNK or number:+7…@TRUNK",
            "4:15: \"ext:101\" names no trunk; write \"ext:101@\" and the id of a trunk",
            "4:26: `to` has \"abc\", which is no telephone number; write it with plus and country code, such as \"+74950000001\"",
        ]
    );
}

#[test]
fn an_empty_condition_is_a_mistake_and_no_rule_for_everybody() {
    assert_eq!(
        mistakes("category = []\nto = \"manager:desk\"\n"),
        ["3:12: `category` is an empty list; write category = \"general\", or leave the key out"]
    );
}

#[test]
fn what_is_said_in_vain_is_a_warning() {
    let found = office_notes("[[rule]]\nid = \"r\"\nreject = 603\nring_s = 5\n");
    assert_eq!(
        found,
        ["4:10: warning: `ring_s` means nothing in a rule that rejects; leave it out"]
    );
    let found = office_notes(
        "[recordings]\nwhen = \"none\"\n[[rule]]\nid = \"r\"\nto = \"manager:last\"\nrecord = true\n[[rule]]\nid = \"s\"\nto = [\"manager:desk\", \"manager:desk\"]\ncaller = \"8800555*\"\n",
    );
    assert_eq!(
        found[..5],
        [
            "5:6: warning: nobody rings for a caller whom nobody answered before; name somebody after \"manager:last\"",
            "6:10: warning: nothing is recorded, because [recordings] says when = \"none\"; write when = \"by-rule\" there, or leave `record` out",
            "8:6: warning: rule \"s\" can never win: \"r\" in line 33 takes its calls; put it before that rule, or leave it out",
            "9:23: warning: \"manager:desk\" is there twice, and a target is tried once a call; leave one of them out",
            "10:10: warning: \"8800555*\" meets no telephone number, because they begin with a plus; write the beginning with plus and country code, such as \"+7800*\"",
        ]
    );
}
