#!/usr/bin/env python3
"""Requests that no ordinary client sends, for the tests of es-serve.

usage: raw.py URL send          sends each line of standard input over a
                                connection of its own; \\r \\n \\0 and \\xNN stand
                                for what they do in Python, {N} for N letters.
                                Prints the status of the answer, - if there is
                                none, and whether the connection stays open
       raw.py URL hold TEXT     sends it and waits for the server to close
       raw.py URL drip TEXT     the same, with a letter now and then
       raw.py URL leave         sends each line of standard input, and goes
       raw.py URL idle N COMMAND ...
                                has N connections open while the command runs;
                                prints how many of them are so still
       raw.py URL fuzz N TEXT   sends N times what begins as TEXT and is
                                changed, cut or mixed at random
       raw.py URL slow TEXT     sends it, says when the answer has begun, reads
                                it when there is a line of standard input, and
                                says whether it came whole
"""

import codecs
import random
import re
import select
import socket
import subprocess
import sys
import urllib.parse

GOOD = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def connect(url):
    at = urllib.parse.urlsplit(url)
    return socket.create_connection((at.hostname, at.port), 60)


def text(line):
    data = codecs.decode(line.rstrip("\n"), "unicode_escape").encode("latin-1")
    return re.sub(rb"\{(\d+)\}", lambda m: b"a" * int(m[1]), data)


def send(s, data):
    try:
        s.sendall(data)
        return True
    except ConnectionError:
        return False


def receive(s):
    try:
        return s.recv(65536)
    except ConnectionError:
        return b""


def answer(s):
    """The status of an answer, which is read whole; 0 if there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = receive(s)
        if not got:
            return 0
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    while found and len(body) < int(found[1]):
        got = receive(s)
        if not got:
            return 0
        body += got
    return int(head.split(None, 2)[1])


def each(url):
    for line in sys.stdin:
        s = connect(url)
        send(s, text(line))
        status = answer(s)
        stays = status and send(s, GOOD) and answer(s)
        print(status or "-", "open" if stays else "closed")
        s.close()


def hold(s, drips):
    while drips and not select.select([s], [], [], 0.1)[0]:
        send(s, b"x")
    while receive(s):
        pass
    sys.stdout.write("closed\n")


def is_open(s):
    return not select.select([s], [], [], 0)[0] or receive(s) != b""


def fuzz(url, n, like):
    rnd = random.Random(1)
    for _ in range(n):
        data = bytearray(text(like))
        for _ in range(rnd.randrange(8)):
            at = rnd.randrange(len(data))
            what = rnd.randrange(4)
            if what == 0:
                data[at] = rnd.randrange(256)
            elif what == 1:
                del data[at:at + rnd.randrange(1, 9)]
            elif what == 2:
                data[at:at] = rnd.randbytes(rnd.randrange(1, 9))
            else:
                data[at:at] = data[:rnd.randrange(len(data))]
            data = data or bytearray(b"\n")
        s = connect(url)
        send(s, bytes(data))
        s.close()


def slow(s):
    data = s.recv(1)
    print("begun", flush=True)
    sys.stdin.readline()
    while True:
        got = receive(s)
        if not got:
            break
        data += got
    print("whole" if data.endswith(b"\r\n0\r\n\r\n") else "cut")


def main(url, what, *args):
    if what == "send":
        each(url)
    elif what == "leave":
        for line in sys.stdin:
            s = connect(url)
            send(s, text(line))
            s.close()
    elif what == "idle":
        idle = [connect(url) for _ in range(int(args[0]))]
        status = subprocess.run(args[1:], check=False).returncode
        print(sum(is_open(s) for s in idle))
        sys.exit(status)
    elif what == "fuzz":
        fuzz(url, int(args[0]), args[1])
    else:
        s = connect(url)
        send(s, text(args[0]))
        if what == "slow":
            slow(s)
        else:
            hold(s, what == "drip")


main(*sys.argv[1:])
