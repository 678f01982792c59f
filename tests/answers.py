#!/usr/bin/env python3
"""A server that answers what it is told to, for the tests of clients.

usage: answers.py [certificate key] >url

Prints its URL, then serves until its standard input ends.  Each request takes
the first file of the directory "answers", by name, and removes it; without one
the answer is 500.  The first line of the file is the status and words:

    type=T          Content-Type; application/x-ndjson if there is none
    retry=N         Retry-After
    location=URL    Location
    zstd            packed
    short=N         the last N bytes are left out, before it is put in chunks
    cut             the connection ends without the last chunk
    raw             the rest is sent as it is, in place of an answer
    endless         the rest is sent again and again

The rest is the body, in which $URL stands for the URL.  What was asked is added
to the file "asked": method, path and body.
"""

import ctypes
import http.server
import os
import ssl
import sys
import threading


def pack(data):
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_compressBound.restype = ctypes.c_size_t
    lib.ZSTD_compress.restype = ctypes.c_size_t
    size = lib.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(size)
    n = lib.ZSTD_compress(out, ctypes.c_size_t(size), data,
                          ctypes.c_size_t(len(data)), 1)
    return out.raw[:n]


def next_answer():
    names = sorted(os.listdir("answers")) if os.path.isdir("answers") else []
    if not names:
        return ["500", "type=text/plain"], b"no answer is left\n"
    path = os.path.join("answers", names[0])
    with open(path, "rb") as f:
        head, _, body = f.read().partition(b"\n")
    os.remove(path)
    return head.decode().split(), body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def headers_of(self, words):
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Type",
                         words.get("type", "application/x-ndjson"))
        for word, name in (("retry", "Retry-After"), ("location", "Location")):
            if word in words:
                self.send_header(name, words[word])
        if "zstd" in words:
            self.send_header("Content-Encoding", "zstd")
        self.end_headers()

    def answer(self):
        n = int(self.headers.get("Content-Length", 0))
        asked = self.rfile.read(n).decode()
        with open("asked", "a") as f:
            print(self.command, self.path, asked, file=f)
        (status, *rest), body = next_answer()
        words = dict((w + "=").split("=", 2)[:2] for w in rest)
        body = body.replace(b"$URL", url.encode())
        if "raw" in words:
            self.wfile.write(body)
            self.close_connection = True
            return
        self.send_response(int(status))
        if "zstd" in words:
            body = pack(body)
        if "short" in words:
            body = body[:-int(words["short"])]
        self.headers_of(words)
        self.chunk(body)
        while "endless" in words:
            self.chunk(body * (1 + (64 << 10) // len(body)))
        if "cut" in words:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        try:
            self.answer()
        except OSError:
            self.close_connection = True

    do_GET = do_PUT = do_DELETE = do_POST


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass


server = Server(("127.0.0.1", 0), Handler)
url = "http://127.0.0.1:%d" % server.server_port
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = url.replace("http:", "https:")
print(url, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
