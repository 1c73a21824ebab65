"""A PJSIP phone for the tests: told what to do by lines of JSON on standard input, tells what happened the same way.

The first line is its settings; see `Settings` in pjsip.rs. It plays one tone to whoever it talks with and records what it hears.
"""

import ctypes
import json
import os
import selectors
import sys
import time

import pjsua2 as pj


LIBC = ctypes.CDLL(None)
# As long as the tests wait for anything.
PATIENCE_S = 60
DIRECTIONS = {
    "inactive": pj.PJMEDIA_DIR_NONE,
    "sendonly": pj.PJMEDIA_DIR_ENCODING,
    "sendrecv": pj.PJMEDIA_DIR_ENCODING_DECODING,
}


def tell(event, **more):
    # What led to the event is in the log before it is told.
    LIBC.fflush(None)
    print(json.dumps({"event": event, **more}), flush=True)


class Call(pj.Call):
    def __init__(self, phone, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(phone.account, call_id)
        self.phone = phone

    def onCallState(self, _prm):
        info = self.getInfo()
        tell("state", call=info.id, state=info.stateText, status=info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.calls.pop(info.id, None)
            self.phone.over.append(self)

    def onCallMediaState(self, _prm):
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            tell("media", call=info.id, status=media.status)
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                audio = self.getAudioMedia(index)
                self.phone.player.startTransmit(audio)
                audio.startTransmit(self.phone.recorder)
                self.phone.hears = True

    def onCallTsxState(self, prm):
        tsx = prm.e.body.tsxState.tsx
        name = "UAC" if tsx.role == pj.PJSIP_ROLE_UAC else "UAS"
        # A client's INVITE that is answered is over at once (RFC 3261 17.1.1.2).
        answered = tsx.method == "INVITE" and name == "UAC" and tsx.statusCode < 300
        over = pj.PJSIP_TSX_STATE_TERMINATED if answered else pj.PJSIP_TSX_STATE_COMPLETED
        if tsx.state == over:
            tell("done", role=name, method=tsx.method, status=tsx.statusCode)

    def onCallTransferStatus(self, prm):
        tell("transfer", status=prm.statusCode, final=prm.finalNotify)
        prm.cont = not prm.finalNotify

    def onCallTransferRequest(self, prm):
        tell("referred", to=prm.dstUri)

    def onCallReplaced(self, prm):
        # Another call takes this one's place: the library ends this one, and wants an object for the other.
        call = Call(self.phone, prm.newCallId)
        self.phone.calls[prm.newCallId] = call
        prm.newCall = call
        tell("replaced", call=prm.newCallId)

    def onDtmfDigit(self, prm):
        tell("digit", digit=prm.digit)


class Account(pj.Account):
    phone = None

    def onIncomingCall(self, prm):
        call = Call(self.phone, prm.callId)
        info = call.getInfo()
        self.phone.calls[info.id] = call
        tell("incoming", call=info.id, remote=info.remoteUri, whole=prm.rdata.wholeMsg)
        for status in self.phone.settings["answers"]:
            self.phone.answer(call, status)


class Phone:
    def __init__(self, settings):
        self.settings = settings
        self.calls = {}
        self.over = []
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 8
        # What is heard is recorded at this rate.
        config.medConfig.clockRate = 8000
        config.medConfig.sndClockRate = 8000
        config.logConfig.level = settings.get("log_level", 4)
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = settings["log"]
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.boundAddress = settings["host"]
        transport.publicAddress = settings["host"]
        transport.port = settings["port"]
        kind = {
            "udp": pj.PJSIP_TRANSPORT_UDP,
            "tcp": pj.PJSIP_TRANSPORT_TCP,
            "tls": pj.PJSIP_TRANSPORT_TLS,
        }[settings["transport"]]
        if "ca" in settings:
            transport.tlsConfig.CaListFile = settings["ca"]
            transport.tlsConfig.verifyServer = True
        if "certificate" in settings:
            transport.tlsConfig.certFile = settings["certificate"]
            transport.tlsConfig.privKeyFile = settings["key"]
        self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 0)
        for at, codec in enumerate(settings["codecs"]):
            self.endpoint.codecSetPriority(codec, 255 - at)
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(settings["tone"])
        self.hears = False
        self.recorder = pj.AudioMediaRecorder()
        self.recorder.createRecorder(settings["heard"])
        self.account = Account()
        self.account.phone = self
        account = pj.AccountConfig()
        suffix = "" if settings["transport"] == "udp" else ";transport=" + settings["transport"]
        account.idUri = f"sip:{settings['user']}@{settings['host']}"
        account.sipConfig.contactForced = (
            f"<sip:{settings['user']}@{settings['host']}:{settings['port']}{suffix}>"
        )
        call = account.callConfig
        call.prackUse = {
            "off": pj.PJSUA_100REL_NOT_USED,
            "required": pj.PJSUA_100REL_MANDATORY,
            "supported": pj.PJSUA_100REL_OPTIONAL,
        }[settings["reliable"]]
        call.timerUse = {
            "off": pj.PJSUA_SIP_TIMER_INACTIVE,
            "supported": pj.PJSUA_SIP_TIMER_OPTIONAL,
            "required": pj.PJSUA_SIP_TIMER_REQUIRED,
            "always": pj.PJSUA_SIP_TIMER_ALWAYS,
        }[settings["timer"]]
        call.timerMinSESec = 90
        call.timerSessExpiresSec = settings["expires_s"]
        account.mediaConfig.transportConfig.boundAddress = settings["host"]
        account.mediaConfig.transportConfig.port = settings["rtp"]
        account.mediaConfig.transportConfig.portRange = 40
        if settings.get("srtp"):
            account.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
            account.mediaConfig.srtpSecureSignaling = 0
        if "password" in settings:
            name = settings.get("login", settings["user"])
            login = pj.AuthCredInfo("digest", "*", name, 0, settings["password"])
            account.sipConfig.authCreds.append(login)
        self.account.create(account)
        tell("ready")

    def answer(self, call, status):
        prm = pj.CallOpParam(True)
        prm.statusCode = status
        call.answer(prm)

    def leave(self):
        # The library closes the file some time after its recorder is gone, and only then writes its length.
        self.recorder = None
        self.player = None
        # Where there was no call it has none to write.
        until = time.monotonic() + (PATIENCE_S / 2 if self.hears else 0)
        while time.monotonic() < until:
            self.endpoint.libHandleEvents(10)
            with open(self.settings["heard"], "rb") as heard:
                if heard.read(44)[40:] not in (b"", bytes(4)):
                    break
        # Objects of the library must not outlive it.
        os._exit(0)

    def call(self, command):
        # The newest call, or the one that is named.
        return self.calls[command.get("call", max(self.calls))]

    def obey(self, command):
        do = command["do"]
        if do == "quit":
            self.leave()
        if do == "dial":
            call = Call(self)
            prm = pj.CallOpParam(True)
            for name, value in command.get("headers", {}).items():
                header = pj.SipHeader()
                header.hName, header.hValue = name, value
                prm.txOption.headers.append(header)
            call.makeCall(command["to"], prm)
            self.calls[call.getInfo().id] = call
            return
        call = self.call(command)
        prm = pj.CallOpParam(True)
        if do == "answer":
            self.answer(call, command["status"])
        elif do == "hangup":
            call.hangup(pj.CallOpParam())
        elif do == "hold":
            call.setHold(pj.CallOpParam())
        elif do == "resume":
            prm.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(prm)
        elif do in ("INVITE", "UPDATE"):
            prm.opt.flag = pj.PJSUA_CALL_SET_MEDIA_DIR
            prm.opt.mediaDir.append(DIRECTIONS[command.get("direction", "sendrecv")])
            (call.reinvite if do == "INVITE" else call.update)(prm)
        elif do == "count":
            tell("count", packets=call.getStreamStat(0).rtcp.rxStat.pkt)
        elif do == "refer":
            call.xfer(command["to"], pj.CallOpParam(True))
        elif do == "refer-replaces":
            call.xferReplaces(self.calls[command["other"]], pj.CallOpParam(True))
        elif do == "digits":
            call.dialDtmf(command["digits"])
        else:
            raise ValueError(do)

    def try_to_obey(self, line):
        # While an exchange of before lacks its end, such as the ACK of a re-INVITE, the library refuses the next.
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.obey(json.loads(line))
            except pj.Error as error:
                if time.monotonic() > until:
                    return tell("error", what=error.info(), line=line)
                self.endpoint.libHandleEvents(10)
            except (KeyError, ValueError) as error:
                return tell("error", what=str(error), line=line)

    def run(self):
        lines = selectors.DefaultSelector()
        lines.register(sys.stdin, selectors.EVENT_READ)
        while True:
            self.endpoint.libHandleEvents(10)
            if lines.select(0):
                line = sys.stdin.readline()
                if not line:
                    os._exit(0)
                self.try_to_obey(line)


Phone(json.loads(sys.stdin.readline())).run()
