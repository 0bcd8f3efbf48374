"""Of the fake hub: what is kept, how answers are spoiled, and the store of large files."""

import hashlib
import http.server
import json
import re
import socket
import time
from urllib.parse import parse_qs, unquote, urlsplit

# Tokens, whose they are, and what they may.
TOKENS = {"hf_writer": ("user", "write"), "hf_reader": ("user", "read"), "hf_other": ("other", "write")}
LARGE = set(".bin .safetensors .pt .pth .onnx .h5 .gguf .msgpack .npz .parquet .zip .gz .model .ot .pkl".split())
ATTRIBUTES = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in sorted(LARGE)).encode()
INLINE_LIMIT = 10 << 20


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pointer(oid, size):
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()


class File:
    """Contents in git, or an object outside of it."""

    def __init__(self, data=None, oid=None, size=None):
        self.data, self.oid = data, oid
        self.size = len(data) if oid is None else size

    @property
    def name(self):
        return self.oid or git_sha1(self.data)

    def entry(self, path):
        if self.oid is None:
            return {"type": "file", "oid": self.name, "size": self.size, "path": path}
        text = pointer(self.oid, self.size)
        lfs = {"oid": self.oid, "size": self.size, "pointerSize": len(text)}
        return {"type": "file", "oid": git_sha1(text), "size": self.size, "path": path, "lfs": lfs}


class Repository:
    def __init__(self, name, private):
        self.name, self.private, self.gated = name, private, False
        self.commits, self.refs = {}, {}
        self.commit("initial commit", {".gitattributes": File(ATTRIBUTES)}, "main")

    def commit(self, message, files, branch):
        oid = hashlib.sha1(json.dumps([self.name, message, len(self.commits), time.time()]).encode()).hexdigest()
        self.commits[oid] = files
        self.refs[branch] = oid
        return oid

    def resolve(self, revision):
        return self.refs.get(revision) or (revision if revision in self.commits else None)


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status, message, code=None, **headers):
        self.status, self.message, self.code, self.headers = status, message, code, headers


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fakehub"

    def log_message(self, *_):
        pass

    @property
    def fake(self):
        return self.server.fake

    def reply(self, status, document=None, raw=None, headers=(), kind="application/json; charset=utf-8"):
        body = raw if raw is not None else b"" if document is None else json.dumps(document).encode()
        if self.fault.get("flip") and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if self.fault.get("lost"):
            return self.drop()
        fields = {"Content-Type": kind, "Content-Length": str(len(body)), "X-Request-Id": "Root=1-fake"}
        self.send_response(status)
        for name, value in {**fields, **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.fault.get("cut")
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None and cut < len(body):
            self.drop()

    def drop(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def ranged(self, data, headers):
        """The part of `data` that the request asks for."""
        asked = None if self.fault.get("norange") else re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        if not asked:
            return self.reply(
                200, raw=data, headers={"Accept-Ranges": "bytes", **headers}, kind="application/octet-stream"
            )
        start, end = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
        if start >= len(data):
            return self.reply(416, raw=b"", headers={"Content-Range": f"bytes */{len(data)}"})
        headers = {"Content-Range": f"bytes {start}-{end}/{len(data)}", "Accept-Ranges": "bytes", **headers}
        self.reply(206, raw=data[start : end + 1], headers=headers, kind="application/octet-stream")

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_request(self):
        self.url = urlsplit(self.path)
        self.query = parse_qs(self.url.query, keep_blank_values=True)
        line = f"{self.command} {self.path}"
        try:
            self.body = self.read_body()
            with self.fake.lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.fake.log.append((line, headers, self.body[:4000]))
            self.fault = self.fake.take_fault(line)
            if self.fault.get("drop"):
                return self.drop()
            if "status" in self.fault:
                document = {"error": self.fault.get("message", "injected")}
                return self.reply(self.fault["status"], document, headers=self.fault.get("headers", {}))
            try:
                self.answer(unquote(self.url.path))
            except Refusal as refusal:
                headers = {"X-Error-Message": refusal.message, **refusal.headers}
                if refusal.code:
                    headers["X-Error-Code"] = refusal.code
                self.reply(refusal.status, {"error": refusal.message}, headers=headers)
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request


class StoreHandler(Handler):
    """Where large files are. As S3 does, it refuses a second way of proving who one is, and bodies without a length."""

    def xml(self, status, code):
        self.reply(status, raw=f"<Error><Code>{code}</Code></Error>".encode(), kind="application/xml")

    def answer(self, path):
        if self.headers.get("Authorization"):
            return self.xml(400, "InvalidArgument")
        if "Signature" not in self.query:
            return self.xml(403, "AccessDenied")
        if self.command == "PUT":
            return self.put(path)
        oid = path.rsplit("/", 1)[-1]
        if oid not in self.fake.objects:
            return self.xml(404, "NoSuchKey")
        # An etag that has nothing to do with the contents' checksum, as the real store's.
        self.ranged(self.fake.objects[oid], {"ETag": '"%s"' % hashlib.sha256(b"store" + oid.encode()).hexdigest()})

    def put(self, path):
        if "Content-Length" not in self.headers:
            return self.xml(501, "NotImplemented")
        etag = {"ETag": '"%s"' % hashlib.md5(self.body).hexdigest()}
        if "/part/" in path:
            self.fake.parts[path] = self.body
            return self.reply(200, headers=etag)
        oid = path.rsplit("/", 1)[-1]
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self.xml(400, "BadDigest")
        self.fake.objects[oid] = self.body
        self.reply(200, headers=etag)
