//! Peaks over HTTP: made once, sent from where the asker stopped, of growing recordings too, gone with the recording.

use axum::http::{Method, StatusCode, header};

use crate::house::House;
use ringtag::base::id::CallId;
use ringtag::base::number::Caller;
use ringtag::recording::peaks::{HEADER_BYTES, is_whole};
use ringtag::recording::wav::Wav;

/// Ten seconds: the caller hums, the manager listens.
fn hum() -> Vec<u8> {
    let mut wav = vec![0; 44];
    for (n, name) in [(0, b"RIFF"), (8, b"WAVE"), (12, b"fmt "), (36, b"data")] {
        wav[n..n + 4].copy_from_slice(name);
    }
    for (n, number) in [(4, 320_036_u32), (16, 16), (20, 0x2_0001), (24, 8_000)] {
        wav[n..n + 4].copy_from_slice(&number.to_le_bytes());
    }
    for (n, number) in [(28, 32_000_u32), (32, 0x10_0004), (40, 320_000)] {
        wav[n..n + 4].copy_from_slice(&number.to_le_bytes());
    }
    wav.extend([0, 0x20, 0, 0].repeat(80_000));
    wav
}

fn path_of(call: CallId) -> String {
    format!("/api/v1/calls/{call}/peaks")
}

#[tokio::test]
async fn the_peaks_of_a_recording_are_made_once_and_kept_beside_it() {
    let house = House::new();
    let call = house.recorded(1, &hum());
    let path = path_of(call);
    let first = house.get(&path).await;
    assert_eq!(first.status, StatusCode::OK);
    assert!(is_whole(&first.body));
    assert_eq!(first.body.len(), HEADER_BYTES + 200 * 4);
    assert!(
        first.body[HEADER_BYTES..]
            .as_chunks()
            .0
            .iter()
            .all(|b| *b == [127, 127, 0, 0])
    );
    let kept = house
        .state
        .recordings
        .join(format!("2026/11/21/{call}.peaks"));
    let made_at = std::fs::metadata(&kept).unwrap().modified().unwrap();
    let again = house.get(&path).await;
    assert!(again.body == first.body);
    assert_eq!(
        std::fs::metadata(&kept).unwrap().modified().unwrap(),
        made_at
    );
    let etag = first.header(header::ETAG);
    let same = house
        .ask(Method::GET, &path, &[("if-none-match", etag)])
        .await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let head = house.ask(Method::HEAD, &path, &[]).await;
    assert_eq!(head.header(header::CONTENT_LENGTH), "824");
    let rest = house.get(&format!("{path}?from=190")).await;
    assert!(rest.body[8..12] == [190, 0, 0, 0] && rest.body.len() == HEADER_BYTES + 40);
    for wrong in ["from=-1", "from=x", "since=1"] {
        let refused = house.get(&format!("{path}?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn everybody_who_asks_at_once_gets_the_same_peaks() {
    let house = House::new();
    let path = path_of(house.recorded(1, &hum()));
    let all = futures_util::future::join_all((0..20).map(|_| house.get(&path))).await;
    assert!(
        all.iter()
            .all(|one| one.body == all[0].body && is_whole(&one.body))
    );
}

#[tokio::test]
async fn the_peaks_of_a_growing_recording_go_as_far_as_it_does() {
    let house = House::new();
    let call = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let part = house.state.recordings.join("2026/11/21");
    std::fs::create_dir_all(&part).unwrap();
    let part = part.join(format!("{call}.wav.part"));
    let mut wav = Wav::begin(std::fs::File::create(&part).unwrap(), 8_000).unwrap();
    wav.append(&[7; 320_000]).unwrap();
    let whole = house.get(&path_of(call)).await;
    assert_eq!(whole.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(whole.body[16..24], [0x10, 0x27, 0, 0, 1, 0, 0, 0]);
    wav.append(&[7; 32_000]).unwrap();
    let more = house.get(&format!("{}?from=199", path_of(call))).await;
    assert_eq!(more.body.len(), HEADER_BYTES + 21 * 4);
    assert_eq!(
        std::fs::read_dir(part.parent().unwrap()).unwrap().count(),
        1
    );
}

#[tokio::test]
async fn without_a_recording_there_are_no_peaks() {
    let house = House::new();
    let never = house.call(1, Caller::Anonymous, false);
    let call = house.recorded(2, &hum());
    house.get(&path_of(call)).await;
    std::fs::remove_file(
        house
            .state
            .recordings
            .join(format!("2026/11/21/{call}.wav")),
    )
    .unwrap();
    for (path, status, code) in [
        (path_of(never), 404, "no-recording"),
        (path_of(call), 410, "recording-gone"),
        ("/api/v1/calls/x/peaks".to_owned(), 404, "unknown-call"),
    ] {
        let answer = house.get(&path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code)
        );
    }
}
