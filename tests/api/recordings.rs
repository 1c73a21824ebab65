//! Recordings: whole, in parts, growing, gone; every play told.

use axum::http::{Method, StatusCode, header};

use crate::house::House;
use ringtag::base::number::Caller;

#[tokio::test]
async fn a_recording_is_sent_whole_or_in_parts() {
    let house = House::new();
    let sound: Vec<u8> = (0..600_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let path = format!("/api/v1/calls/{}/recording.wav", house.recorded(1, &sound));
    let whole = house.get(&path).await;
    assert_eq!((whole.status, whole.body == sound), (StatusCode::OK, true));
    assert_eq!(whole.header(header::CONTENT_TYPE), "audio/wav");
    assert_eq!(whole.header(header::ACCEPT_RANGES), "bytes");
    assert_eq!(whole.header(header::CONTENT_LENGTH), "600000");
    let etag = whole.header(header::ETAG).to_owned();
    for (range, status, expected, content_range) in [
        ("bytes=0-9", 206, 0..10, "bytes 0-9/600000"),
        (
            "bytes=599990-",
            206,
            599_990..600_000,
            "bytes 599990-599999/600000",
        ),
        (
            "bytes=-5",
            206,
            599_995..600_000,
            "bytes 599995-599999/600000",
        ),
        (
            "bytes=300000-99999999",
            206,
            300_000..600_000,
            "bytes 300000-599999/600000",
        ),
        ("bytes=0-4,5-9", 206, 0..10, "bytes 0-9/600000"),
        ("bytes=0-4,10-14", 200, 0..600_000, ""),
        ("bytes=9-0", 200, 0..600_000, ""),
        ("seconds=0-9", 200, 0..600_000, ""),
    ] {
        let part = house.ask(Method::GET, &path, &[("range", range)]).await;
        assert_eq!(part.status.as_u16(), status, "{range}");
        assert_eq!(part.header(header::CONTENT_RANGE), content_range, "{range}");
        assert!(part.body == sound[expected], "{range}");
    }
    let beyond = house
        .ask(Method::GET, &path, &[("range", "bytes=600000-")])
        .await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header(header::CONTENT_RANGE), "bytes */600000");
    assert_eq!(beyond.code(), "range-beyond-end");
    let head = house
        .ask(Method::HEAD, &path, &[("range", "bytes=0-9")])
        .await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header(header::CONTENT_LENGTH), "600000");
    let same = house
        .ask(Method::GET, &path, &[("if-none-match", &etag)])
        .await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let ranged = |tag: String| {
        let path = path.clone();
        let house = &house;
        async move {
            house
                .ask(
                    Method::GET,
                    &path,
                    &[("range", "bytes=0-9"), ("if-range", &tag)],
                )
                .await
                .status
        }
    };
    assert_eq!(ranged(etag.clone()).await, StatusCode::PARTIAL_CONTENT);
    assert_eq!(ranged("\"other\"".to_owned()).await, StatusCode::OK);
    assert_eq!(ranged(format!("W/{etag}")).await, StatusCode::OK);
    let other = house
        .ask(Method::GET, &path, &[("if-match", "\"other\"")])
        .await;
    assert_eq!(other.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn a_call_without_a_recording_says_why() {
    let house = House::new();
    let never = house.call(1, Caller::Anonymous, false);
    let removed = house.recorded(2, b"RIFF");
    std::fs::remove_dir_all(&*house.state.recordings).unwrap();
    let answer = house
        .get(&format!("/api/v1/calls/{never}/recording.wav"))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (404, "no-recording")
    );
    let answer = house
        .get(&format!("/api/v1/calls/{removed}/recording.wav"))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (410, "recording-gone")
    );
}

#[tokio::test]
async fn a_growing_recording_is_sent_as_far_as_it_goes() {
    use ringtag::recording::wav::Wav;

    let house = House::new();
    let id = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let part = house.state.recordings.join("2026/11/21");
    std::fs::create_dir_all(&part).unwrap();
    let part = part.join(format!("{id}.wav.part"));
    let mut wav = Wav::begin(std::fs::File::create(&part).unwrap(), 8_000).unwrap();
    wav.append(&[7; 400_000]).unwrap();
    // Half of the next block is on the disk.
    let half = std::fs::File::options().append(true).open(&part).unwrap();
    std::io::Write::write_all(&mut &half, &[9; 1_001]).unwrap();
    let path = format!("/api/v1/calls/{id}/recording.wav");
    let answer = house
        .ask(Method::GET, &path, &[("range", "bytes=0-9")])
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), "audio/wav");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.header(header::CONTENT_LENGTH), "401044");
    assert!(!answer.headers.contains_key(header::ETAG));
    assert_eq!(answer.body.len(), 401_044);
    let reader = hound::WavReader::new(answer.body.as_slice()).unwrap();
    assert_eq!(reader.duration(), 100_250);
    let head = house.ask(Method::HEAD, &path, &[]).await;
    assert_eq!(head.header(header::CONTENT_LENGTH), "401044");
    assert!(head.body.is_empty());
    // Its first ten seconds stay what they are, and can be sought in.
    let begun = format!("{path}?until_ms=10000");
    let ten = house.get(&begun).await;
    assert_eq!(ten.header(header::ACCEPT_RANGES), "bytes");
    let reader = hound::WavReader::new(ten.body.as_slice()).unwrap();
    assert_eq!(reader.duration(), 80_000);
    for (range, from, to) in [
        ("bytes=0-9", 0, 10),
        ("bytes=40-59", 40, 60),
        ("bytes=320000-", 320_000, 320_044),
    ] {
        let part = house.ask(Method::GET, &begun, &[("range", range)]).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert!(part.body == ten.body[from..to], "{range}");
    }
    let all = house.get(&format!("{path}?until_ms=99999999")).await;
    assert_eq!(all.body.len(), 401_044);
    for wrong in ["until_ms=-1", "until_ms=soon", "until=1"] {
        let refused = house.get(&format!("{path}?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    std::fs::remove_file(&part).unwrap();
    assert_eq!(house.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_play_is_in_the_call_log() {
    let house = House::new();
    let id = house.recorded(1, &[0; 1_000]);
    let path = format!("/api/v1/calls/{id}/recording.wav");
    house.get(&path).await;
    // A seek within the same play, a look at the head and the next piece of a call that is followed are no plays.
    house.get(&format!("{path}?until_ms=10")).await;
    house
        .ask(Method::GET, &path, &[("range", "bytes=500-")])
        .await;
    house.ask(Method::HEAD, &path, &[]).await;
    house
        .ask(Method::GET, &path, &[("range", "bytes=0-99")])
        .await;
    house.state.store.sync().unwrap();
    let mut plays = 0;
    for month in std::fs::read_dir(house.folder.path().join("data/log")).unwrap() {
        let text = std::fs::read_to_string(month.unwrap().path()).unwrap();
        plays += text
            .lines()
            .filter(|line| line.contains("\"played\""))
            .count();
    }
    assert_eq!(plays, 2);
}
