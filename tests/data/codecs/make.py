"""Makes the packets that the decoders are tried with, and the sound that others make of them.

Opus is coded and decoded by libopus, G.722 by spandsp: Debian's libopus0 and libspandsp2. `python3 make.py` writes beside itself
NAME.packets (each packet after its length, 16 bits, little end first) and NAME.pcm (16-bit samples at 16 kHz, little end first).
"""

import ctypes
import math
import os
import random
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
OPUS = ctypes.CDLL("libopus.so.0")
SPANDSP = ctypes.CDLL("libspandsp.so.2")
for made in (OPUS.opus_encoder_create, OPUS.opus_decoder_create, SPANDSP.g722_encode_init, SPANDSP.g722_decode_init):
    made.restype = ctypes.c_void_p
VOIP, LOW_DELAY = 2048, 2051
SET_BITRATE, SET_DTX = 4002, 4016
SECONDS = 0.4
CHANCE = random.Random(7)


def voice(at, channel):
    """Harmonics of a voice that rises and falls, and a little noise."""
    pitch = 150 + 20 * channel
    loud = 6000 * max(0, math.sin(2 * math.pi * 2.5 * at))
    sound = sum(math.sin(2 * math.pi * pitch * n * at) / n for n in range(1, 25))
    return max(-32768, min(32767, int(loud * sound + CHANCE.gauss(0, 40))))


def write(name, packets, sound):
    with open(os.path.join(HERE, name + ".packets"), "wb") as file:
        for packet in packets:
            file.write(struct.pack("<H", len(packet)) + packet)
    with open(os.path.join(HERE, name + ".pcm"), "wb") as file:
        file.write(sound)


def opus(name, rate, channels, use, frame_ms, bitrate, dtx=False, seconds=SECONDS):
    error = ctypes.c_int()
    coder = ctypes.c_void_p(OPUS.opus_encoder_create(rate, channels, use, ctypes.byref(error)))
    for request, value in ((SET_BITRATE, bitrate), (SET_DTX, int(dtx))):
        assert OPUS.opus_encoder_ctl(coder, request, ctypes.c_int(value)) == 0
    length = rate * frame_ms // 1000
    packets, buffer = [], (ctypes.c_ubyte * 1500)()
    for frame in range(int(seconds * 1000 / frame_ms)):
        at = [(frame * length + n) / rate for n in range(length)]
        samples = [0 if dtx else voice(t, channel) for t in at for channel in range(channels)]
        pcm = (ctypes.c_int16 * len(samples))(*samples)
        size = OPUS.opus_encode(coder, pcm, length, buffer, 1500)
        assert size > 0
        packets.append(bytes(buffer[:size]))
    decoder = ctypes.c_void_p(OPUS.opus_decoder_create(16000, 1, ctypes.byref(error)))
    pcm, sound = (ctypes.c_int16 * 5760)(), b""
    for packet in packets:
        count = OPUS.opus_decode(decoder, packet, len(packet), pcm, 5760, 0)
        sound += bytes(pcm)[: count * 2]
    write(name, packets, sound)


def g722():
    count = int(16000 * SECONDS)
    pcm = (ctypes.c_int16 * count)(*[voice(n / 16000, 0) for n in range(count)])
    codes = (ctypes.c_uint8 * count)()
    coder = ctypes.c_void_p(SPANDSP.g722_encode_init(None, 64000, 0))
    size = SPANDSP.g722_encode(coder, codes, pcm, count)
    codes = bytes(codes[:size])
    out = (ctypes.c_int16 * (size * 2))()
    decoder = ctypes.c_void_p(SPANDSP.g722_decode_init(None, 64000, 0))
    assert SPANDSP.g722_decode(decoder, out, codes, size) == size * 2
    write("g722", [codes[at : at + 160] for at in range(0, size, 160)], bytes(out))


opus("opus-silk", 16000, 1, VOIP, 20, 20000)
opus("opus-silk60", 8000, 1, VOIP, 60, 12000, seconds=0.36)
opus("opus-hybrid", 48000, 1, VOIP, 20, 32000)
opus("opus-celt", 48000, 1, LOW_DELAY, 10, 64000)
opus("opus-stereo", 48000, 2, VOIP, 20, 64000)
opus("opus-quiet", 16000, 1, VOIP, 20, 20000, dtx=True)
g722()
