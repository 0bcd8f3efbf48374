#!/usr/bin/env python3
"""Contract test of Tools/fetch-checkpoint against a small hub of its own (standard library only).

    python3 Tools/interop.d/fetch_checkpoint_check.py CHECKPOINT_FOLDER

CHECKPOINT_FOLDER holds the real all-MiniLM-L6-v2 files. The hub below answers as the real one does: small
files by a relative 307 with the facts on the final answer, large ones by a 302 to another origin that refuses
any token and has an etag of its own. Faults are programmed per test. One line per scenario; exit 1 when one
fails.
"""

import hashlib
import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fetch-checkpoint")
NAME, REPOSITORY, COMMIT = "all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", "1234567890" * 4
SMALL = 10_000_000


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body[: self.server.faults.get("cut", len(body))]
        self.wfile.write(sent)
        if len(sent) < len(body):
            self.close_connection = True
        self.server.faults.get("slow") and time.sleep(self.server.faults["slow"])

    def do_GET(self):
        server, path = self.server, self.path.split("?")[0]
        server.seen.append((server.role, path, self.headers.get("Authorization")))
        if server.faults.get("status"):
            return self.answer(server.faults["status"], b"{}", X_Request_Id="1")
        name = (
            path.split("/resolve/")[-1].split("/", 1)[-1] if "/resolve/" in path else path.split("/", 4)[-1]
        )
        data = server.files.get(name)
        if data is None:
            return self.answer(404, b"{}", X_Error_Code="EntryNotFound", X_Error_Message="Entry not found")
        if server.role == "store":
            if self.headers.get("Authorization"):
                return self.answer(400, b"Only one auth mechanism allowed")
            if server.faults.get("corrupt"):
                data = bytes([data[0] ^ 1]) + data[1:]
            return self.answer(200, data, ETag='"%s"' % hashlib.sha256(b"store").hexdigest())
        if path.startswith("/api/resolve-cache/"):
            return self.answer(200, data, ETag=f'"{git_sha1(data)}"', X_Repo_Commit=COMMIT)
        if len(data) < SMALL:
            return self.answer(307, b"moved", Location=f"/api/resolve-cache/m/{name}")
        return self.answer(
            302,
            b"found",
            Location=f"http://127.0.0.1:{server.store.server_port}/a/b/c/{name}",
            X_Repo_Commit=COMMIT,
            X_Linked_Size=str(len(data)),
            X_Linked_ETag=f'"{hashlib.sha256(data).hexdigest()}"',
        )


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that was interrupted


def serve(role, files):
    server = Server(("127.0.0.1", 0), Handler)
    server.role, server.files, server.faults, server.seen, server.daemon_threads = role, files, {}, [], True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def read(folder):
    files = {}
    for base, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


class Scenario:
    """A fresh, empty cache and a hub whose faults are the given ones."""

    def __init__(self, hub, home, hub_faults=(), store_faults=()):
        self.hub, self.home = hub, home
        hub.faults, hub.store.faults = dict(hub_faults), dict(store_faults)
        hub.seen.clear()
        hub.store.seen.clear()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))},
            "HF_HOME": home,
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "HF_TOKEN": "secret",
            "no_proxy": "127.0.0.1",
        }

    def run(self, *arguments, name=NAME):
        return subprocess.run(
            [sys.executable, TOOL, name, *arguments], env=self.environment, text=True, capture_output=True
        )

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, TOOL, NAME, *arguments],
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A background job of a shell starts with Ctrl-C ignored, and would hand that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def empty(self):
        return not os.path.exists(self.home)


def check(name, condition, detail=""):
    print(f"ok fetch: {name}" if condition else f"FAIL fetch: {name}: {str(detail).strip()}")
    return bool(condition)


def main(checkpoint):
    files = read(checkpoint)
    hub, store = serve("hub", files), serve("store", files)
    hub.store = store
    passed = []
    with tempfile.TemporaryDirectory() as folder:
        home = lambda n: os.path.join(folder, n)

        case = Scenario(hub, home("plain"))
        done = case.run("--from", "hub")
        snapshot = done.stdout.strip()
        passed.append(
            check(
                "from the hub, every file equal",
                done.returncode == 0
                and read(snapshot).items()
                >= {n: files[n] for n in ("config.json", "model.safetensors", "vocab.txt")}.items(),
                done.stderr,
            )
        )
        repository = os.path.dirname(os.path.dirname(snapshot))
        with open(os.path.join(repository, "refs", "main")) as file:
            passed.append(check("refs/main is the commit and nothing else", file.read() == COMMIT))
        link = os.path.join(snapshot, "model.safetensors")
        passed.append(
            check(
                "a snapshot links to its blob, which is named by its etag",
                os.path.islink(link)
                and os.readlink(link)
                == "../../blobs/" + hashlib.sha256(files["model.safetensors"]).hexdigest(),
            )
        )
        passed.append(
            check(
                "nothing but blobs, refs and snapshots is left",
                sorted(os.listdir(repository)) == ["blobs", "refs", "snapshots"],
            )
        )
        passed.append(
            check(
                "the token goes to the hub and nowhere else",
                {t for _, _, t in hub.seen} == {"Bearer secret"} and {t for _, _, t in store.seen} == {None},
            )
        )
        asked = len(hub.seen)
        again = case.run()
        passed.append(
            check(
                "a second run asks nobody",
                again.stdout.strip() == snapshot and len(hub.seen) == asked,
                again.stderr,
            )
        )
        offline = case.run("--offline")
        passed.append(
            check("offline works once it is there", offline.stdout.strip() == snapshot, offline.stderr)
        )
        blob = os.path.realpath(os.path.join(snapshot, "vocab.txt"))
        with open(blob, "ab") as file:
            file.write(b"junk\n")
        mended = case.run("--from", "hub")
        passed.append(
            check(
                "a damaged blob is noticed and replaced",
                mended.returncode == 0
                and "expected 231508 bytes, found 231513" in mended.stderr
                and read(snapshot)["vocab.txt"] == files["vocab.txt"],
                mended.stderr,
            )
        )
        passed.append(check("and the sound ones are not fetched again", len(store.seen) == 1, store.seen))

        case = Scenario(hub, home("corrupt"), store_faults=dict(corrupt=True))
        done = case.run("--from", "hub")
        passed.append(
            check(
                "corrupt bytes: exit 2, both sums named, nothing left",
                done.returncode == 2
                and case.empty()
                and hashlib.sha256(files["model.safetensors"]).hexdigest() in done.stderr
                and "found" in done.stderr
                and not done.stdout,
                done.stderr,
            )
        )

        case = Scenario(hub, home("cut"), store_faults=dict(cut=1_000_000))
        done = case.run("--from", "hub")
        passed.append(
            check(
                "cut connection: exit 2, both sizes named, nothing left",
                done.returncode == 2
                and case.empty()
                and f"expected {len(files['model.safetensors'])} bytes, found 1000000" in done.stderr,
                done.stderr,
            )
        )

        case = Scenario(hub, home("gone"), hub_faults=dict(status=503))
        done = case.run("--from", "hub")
        passed.append(
            check(
                "a hub in trouble: exit 2, its answer named, nothing left",
                done.returncode == 2 and case.empty() and "503" in done.stderr,
                done.stderr,
            )
        )

        case = Scenario(hub, home("folder"))
        done = case.run("--from", checkpoint)
        passed.append(
            check("from a folder, without asking the hub", done.returncode == 0 and not hub.seen, done.stderr)
        )
        offline = Scenario(hub, home("none")).run("--offline")
        passed.append(
            check("offline with nothing there: exit 2", offline.returncode == 2 and not offline.stdout)
        )
        done = Scenario(hub, home("base")).run(name="bert-base-uncased")
        passed.append(
            check(
                "without pins the hub's checksums are used, and that is said",
                done.returncode == 0 and "the hub's own checksums" in done.stderr,
                done.stderr,
            )
        )

        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            case = Scenario(hub, home(f"signal{number}"), store_faults=dict(cut=1_000_000, slow=3))
            running = case.start("--from", "hub")
            while not store.seen:
                time.sleep(0.05)
            time.sleep(0.2)
            running.send_signal(number)
            error = running.communicate()[1]
            passed.append(
                check(
                    f"{number.name}: nothing left",
                    running.returncode == code and case.empty(),
                    (running.returncode, error),
                )
            )
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1])))
