//! Encrypted legs.

use super::*;

on_each_driver! {
    each_leg_has_keys_of_its_own_and_the_tap_hears_clear_sound
    one_leg_may_be_encrypted_and_the_other_plain
    whoever_has_another_key_is_silent_and_learned_from_by_nobody
    who_was_learned_of_plain_sound_keeps_nobody_off_who_has_the_keys
    while_the_sound_is_disabled_nothing_plain_is_heard_and_no_key_begins_anew
    a_description_with_the_same_keys_forgets_nothing_and_one_with_others_begins_anew
}

/// Keys of a leg made of these two bytes: ours and its peer's.
fn secrets(ours: u8, theirs: u8) -> Secrets {
    let key = |seed| Key::new(Suite::Aes128Sha1Tag80, &[seed; MASTER_BYTES_MAX]);
    Secrets {
        ours: key(ours),
        theirs: key(theirs),
    }
}

/// What a phone does with its half of the keys.
fn phone_keys(secrets: &Secrets) -> (SrtpSender, SrtpReceiver) {
    let sender = SrtpSender::new(&secrets.theirs).unwrap();
    (sender, SrtpReceiver::new(&secrets.ours).unwrap())
}

impl Rig {
    fn aim_under(&mut self, phone: &Phone, secrets: Secrets) {
        let aim = Aim {
            rtp: Some(phone.rtp.local_addr().unwrap()),
            rtcp: Some(phone.rtcp.local_addr().unwrap()),
            codecs: codecs(),
            srtp: Protection::Keys(Box::new(secrets)),
            ..Aim::default()
        };
        self.pool.aim(phone.leg, aim);
    }

    /// The peer disables its sound (`m=audio 0`) where SRTP is wanted.
    fn aim_disabled(&mut self, phone: &Phone) {
        let srtp = Protection::Kept;
        let aim = Aim {
            srtp,
            ..Aim::default()
        };
        self.pool.aim(phone.leg, aim);
    }
}

fn sealed(sender: &mut SrtpSender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = [packet, &[0; srtp::ROOM]].concat();
    let length = sender.protect(&mut buffer, packet.len()).unwrap();
    buffer.truncate(length);
    buffer
}

fn each_leg_has_keys_of_its_own_and_the_tap_hears_clear_sound(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let (left, right) = (secrets(1, 2), secrets(3, 4));
    rig.aim_under(&caller, left.clone());
    rig.aim_under(&callee, right.clone());
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(3)));
    rig.settle(1);
    let (mut caller_says, mut caller_hears) = phone_keys(&left);
    let (mut callee_says, mut callee_hears) = phone_keys(&right);
    for sequence in 1..20 {
        let clear = sound(sequence);
        for (from, says, to, hears) in [
            (&caller, &mut caller_says, &callee, &mut callee_hears),
            (&callee, &mut callee_says, &caller, &mut caller_hears),
        ] {
            let packet = sealed(says, &clear);
            from.say(&packet);
            let mut came = heard(&to.rtp);
            assert_ne!(came, packet);
            let length = hears.unprotect(&mut came).unwrap();
            assert_eq!(came[..length], clear);
            assert_eq!(rig.tapped().1, clear[12..]);
        }
    }
    // Reports are opened and closed as well.
    let report = [0x81, 201, 0, 1, 0, 0, 0, 1, 0xff, 0xff];
    let mut packet = [&report[..], &[0; srtp::ROOM]].concat();
    let length = caller_says.protect_rtcp(&mut packet, report.len()).unwrap();
    let ours = (rig.local, caller.ours + 1);
    caller.rtcp.send_to(&packet[..length], ours).unwrap();
    let mut came = heard(&callee.rtcp);
    let length = callee_hears.unprotect_rtcp(&mut came).unwrap();
    assert_eq!(came[..length], report);
}

fn one_leg_may_be_encrypted_and_the_other_plain(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    caller.say(&sealed(&mut says, &sound(1)));
    callee.hears(&sound(1));
    callee.say(&sound(2));
    let mut came = heard(&caller.rtp);
    let length = hears.unprotect(&mut came).unwrap();
    assert_eq!(came[..length], sound(2));
}

fn whoever_has_another_key_is_silent_and_learned_from_by_nobody(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Nat);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(3)));
    rig.settle(1);
    let (mut wrong, _) = phone_keys(&secrets(8, 9));
    let stranger = socket(rig.local);
    for sequence in 1..10 {
        let packets = [sealed(&mut wrong, &sound(sequence)), sound(sequence)];
        for packet in packets {
            stranger.send_to(&packet, (rig.local, caller.ours)).unwrap();
        }
    }
    // The latch is still open for who has the key.
    let (mut says, _) = phone_keys(&keys);
    let right = sealed(&mut says, &sound(50));
    caller.say(&right);
    callee.hears(&sound(50));
    assert_eq!(rig.tapped().0.sequence, 50);
    // The same packet again is nobody's new one.
    caller.say(&right);
    caller.say(&sealed(&mut says, &sound(51)));
    callee.hears(&sound(51));
    let counted = rig.close(caller.leg).1;
    assert_eq!((counted.packets_in, counted.forged), (2, 18));
}

fn who_was_learned_of_plain_sound_keeps_nobody_off_who_has_the_keys(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Nat);
    // The address of the signalling, and another port: the socket is connected there.
    let stranger = socket(rig.local);
    stranger
        .send_to(&sound(1), (rig.local, caller.ours))
        .unwrap();
    callee.hears(&sound(1));
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    caller.say(&sealed(&mut says, &sound(2)));
    callee.hears(&sound(2));
    callee.say(&sound(3));
    assert!(hears.unprotect(&mut heard(&caller.rtp)).is_ok());
}

fn while_the_sound_is_disabled_nothing_plain_is_heard_and_no_key_begins_anew(engine: Chosen) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.pool.tap(caller.leg, callee.leg, Some(TapId(3)));
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    let first = sealed(&mut says, &sound(1));
    caller.say(&first);
    callee.hears(&sound(1));
    assert_eq!(rig.tapped().0.sequence, 1);
    let report = [0x81, 201, 0, 1, 0, 0, 0, 1];
    callee.say(&report);
    let index = |packet: &[u8]| packet[report.len()..][..4].to_vec();
    let before = heard(&caller.rtcp);
    rig.aim_disabled(&caller);
    rig.settle(1);
    caller.say(&sound(2));
    caller.say(&first);
    rig.aim_under(&caller, keys);
    rig.settle(1);
    caller.say(&first);
    caller.say(&sealed(&mut says, &sound(3)));
    callee.hears(&sound(3));
    assert_eq!(rig.tapped().0.sequence, 3);
    callee.say(&report);
    let mut after = heard(&caller.rtcp);
    assert_ne!(index(&before), index(&after));
    assert!(hears.unprotect_rtcp(&mut after).is_ok());
    let counted = rig.close(caller.leg).1;
    assert_eq!((counted.packets_in, counted.forged), (2, 1));
}

fn a_description_with_the_same_keys_forgets_nothing_and_one_with_others_begins_anew(
    engine: Chosen,
) {
    let mut rig = Rig::new(engine);
    let (caller, callee) = rig.call(1, SoundFrom::Sdp);
    let keys = secrets(1, 2);
    rig.aim_under(&caller, keys.clone());
    rig.settle(1);
    let (mut says, mut hears) = phone_keys(&keys);
    let first = sealed(&mut says, &sound(1));
    caller.say(&first);
    callee.hears(&sound(1));
    rig.aim_under(&caller, keys);
    rig.settle(1);
    caller.say(&first);
    caller.say(&sealed(&mut says, &sound(2)));
    callee.hears(&sound(2));
    callee.say(&sound(3));
    assert!(hears.unprotect(&mut heard(&caller.rtp)).is_ok());
    let renewed = secrets(5, 6);
    rig.aim_under(&caller, renewed.clone());
    rig.settle(1);
    let (mut says_anew, mut hears_anew) = phone_keys(&renewed);
    caller.say(&sealed(&mut says, &sound(4)));
    caller.say(&sealed(&mut says_anew, &sound(1)));
    callee.hears(&sound(1));
    callee.say(&sound(4));
    assert!(hears_anew.unprotect(&mut heard(&caller.rtp)).is_ok());
    // Back to plain, as where it is only preferred.
    rig.aim(&caller);
    rig.settle(1);
    caller.only_hears_from(&callee, 9);
}
