//! Answers without a transaction: what needs no memory to be answered the same way again (RFC 3261 8.2.7).

use bytes::Bytes;

use crate::base::chance::Token;
use crate::base::time::Moment;
use crate::sip::endpoint::server::{answer_path, answer_path_by};
use crate::sip::endpoint::streams::Kind;
use crate::sip::endpoint::{Endpoint, Knock, RETRY_AFTER_S};
use crate::sip::frame::Broken;
use crate::sip::header::Name;
use crate::sip::malformed::{Malformed, Wrong};
use crate::sip::message::{Message, Request};
use crate::sip::method::Method;
use crate::sip::status::reason_phrase;
use crate::sip::transport::Path;
use crate::sip::write::Reply;

impl Endpoint {
    /// The To tag of an answer that keeps nothing: the same for every repetition of the request.
    pub fn tag_of(&self, knock: Knock) -> Token {
        let Knock(transaction) = knock;
        self.matcher.stateless_tag(transaction)
    }

    /// Answers a request that was told and keeps nothing of it. `bytes` is the whole final response, under
    /// [`Self::tag_of`]. The request's repetitions are told again; the ACK finds nothing and is dropped.
    pub fn answer_once(&mut self, now: Moment, path: &Path, request: &Request, bytes: Bytes) {
        self.stirred = true;
        self.send_once(now, answer_path(path, request), bytes);
    }

    /// Refuses a request. Its repetitions are refused again, under the same To tag, and the ACK finds nothing and is dropped.
    pub(super) fn refuse(
        &mut self,
        now: Moment,
        path: Path,
        request: &Request,
        status: u16,
        why: &'static str,
    ) {
        let transaction = self.matcher.transaction(request, request.method());
        let mut reply = Reply::to(request, status, reason_phrase(status))
            .tag(self.matcher.stateless_tag(transaction))
            .header(Name::Server, &self.settings.user_agent);
        if status == 503 {
            reply = reply.header(Name::RetryAfter, RETRY_AFTER_S);
        }
        self.answer(now, answer_path(&path, request), reply);
        self.note_refused(path, status, why);
    }

    /// Answers a message that could not be read, where that is allowed.
    pub(super) fn refuse_malformed(&mut self, now: Moment, path: Path, malformed: &Malformed) {
        if malformed.wrong() == Wrong::Blank {
            // A keep-alive over UDP; it has done its work on the way.
            return;
        }
        let status = malformed.answer().map_or(0, |(status, _)| status);
        let Some(reply) = Reply::to_malformed(malformed, path.peer) else {
            return self.note_refused(path, 0, "a malformed message");
        };
        // A Via that cannot be read says no port; the way back is then the way it came.
        let back = malformed
            .top_via()
            .map_or(path, |via| answer_path_by(&path, via));
        self.answer(
            now,
            back,
            reply.header(Name::Server, &self.settings.user_agent),
        );
        self.note_refused(path, status, "a malformed request");
    }

    /// Answers the message at which a stream lost its shape, before its connection is closed.
    pub(super) fn refuse_stream(&mut self, now: Moment, path: Path, broken: Broken) {
        match Message::parse(broken.head) {
            Err(malformed) => self.refuse_malformed(now, path, &malformed),
            // Readable, but nobody can say where it ends.
            Ok(Message::Request(request)) if *request.method() != Method::Ack => {
                self.refuse(now, path, &request, 400, "a stream without lengths");
            }
            Ok(_ack_or_response) => self.note_refused(path, 0, "a stream without lengths"),
        }
    }

    fn answer(&mut self, now: Moment, path: Path, reply: Reply) {
        self.send_once(now, path, reply.finish());
    }

    fn send_once(&mut self, now: Moment, mut path: Path, bytes: Bytes) {
        // Nobody waits for it, and a stranger makes us open no connection: without a way it is lost, like a datagram.
        if path.transport.is_reliable() && !self.streams.stands(&path) {
            return;
        }
        let _sent_or_lost = self
            .streams
            .send(now, &mut path, Kind::Response, bytes, &mut self.out);
    }
}
