"""Checks of the hub: names of models where a command takes one, and what is said when something goes wrong."""

import http.server
import json
import shutil
import ssl
import subprocess
import threading

from hub_world import MODEL, free_port, tail


def naming(world, report, checkpoint):
    """Names of models where a command takes a model."""
    world.forget()
    world.fake.requests()
    done = world.ckpt("inspect", "user/bert", "--json")
    answer = json.loads(done.stdout) if done.returncode == 0 else {}
    local = json.loads(world.ckpt("inspect", checkpoint, "--json").stdout)
    report.check("inspect reads headers alone", answer.get("tensors") == local["tensors"], tail(done))
    ranges = [h.get("range") for line, h, _ in world.fake.requests() if line.startswith("GET /get/")]
    report.same("by a range", ranges, ["bytes=0-99999"])
    report.check("and leaves nothing", not world.home.exists() and not list(world.work.glob(".*.tmp")))
    done = world.ckpt("tokenize", "user/bert", "iris", "--json")
    report.check("tokenize fetches the tokenizer", done.returncode == 0, tail(done))
    report.check("and no weights", not any(line.startswith("GET /get/") for line in world.lines()))
    done = world.ckpt("hash", "user/bert", "--json")
    same = done.returncode == 0 and done.stdout == world.ckpt("hash", checkpoint, "--json").stdout
    report.check("a command pulls the model it is given", same, tail(done))
    report.same("and says so", done.stderr.count("is not here: pulling it from"), 1)
    report.same("once", world.ckpt("hash", "user/bert").stderr, "")

    def refused(name, *arguments, says, asks=False, code=2, **more):
        world.fake.requests()
        done = world.ckpt(*arguments, **more)
        good = done.returncode == code and says in done.stderr and len(done.stderr.strip().split("\n")) <= 2
        report.check(name, good and bool(world.lines()) == asks, f"exit {done.returncode}: {tail(done)}")

    refused("a name alone is not fetched", "hash", "tiny", says="no such file or folder")
    refused("a file's name is not fetched", "hash", "out/model.safetensors", says="no such file or folder")
    (world.work / "out").mkdir(exist_ok=True)
    refused("nor what is in a folder that is here", "hash", "out/tyny", says="no such file or folder")
    refused("offline says what to do", "hash", "user/other", says="unset HF_HUB_OFFLINE", HF_HUB_OFFLINE="1")
    refused("a name nobody has", "hash", "user/none", says="no such file or folder, and model", asks=True)


def failing(world, report):
    """The table of errors, each in one line that says what to do."""
    fake = world.fake
    fake.add("user/hidden", {"config.json": b"{}"}, private=True)
    fake.add("user/gated", {"config.json": b"{}"})
    fake.repositories["user/gated"].gated = "auto"
    secret = "hf_writer"

    def fails(name, says, *arguments, fault=None, **more):
        world.forget()
        if fault:
            fake.fault(**fault)
        done = world.ckpt(*arguments, **more)
        lines = [line for line in done.stderr.strip().split("\n") if line.startswith("error:")]
        good = done.returncode == 2 and len(lines) == 1 and says in lines[0] and secret not in done.stderr
        report.check(name, good, f"exit {done.returncode}: {tail(done)}")

    fails("no such model", "create it with ckpt push", "pull", "user/none")
    fails("no such model, without a token", "set HF_TOKEN", "pull", "user/none", token=None)
    fails("a private model of another", "not found, or private", "pull", "user/hidden", token="hf_other")
    fails("a gated model", "ask for access at", "pull", "user/gated", token="hf_other")
    fails("no such revision", "did you mean main?", "pull", MODEL + "@maim")
    fails("a bad token", "the token from HF_TOKEN is not valid", "pull", MODEL, token="hf_bad")
    fails("a malformed token", "copy it again", "pull", MODEL, token="hf_a b")
    fails(
        "no hub at all",
        "name a mirror in HF_ENDPOINT",
        "pull",
        MODEL,
        HF_ENDPOINT=f"http://127.0.0.1:{free_port()}",
    )
    if shutil.which("openssl"):
        encrypted(world, fails)
    fails("no address", "check HF_ENDPOINT", "pull", MODEL, HF_ENDPOINT="huggingface.co")
    fault = dict(match="^GET /api/models", status=404, n=9)
    fails("a path that is none", "the hub answers 404", "pull", MODEL, fault=fault)
    fault = dict(match="^GET .*/revision/", status=429, n=9, headers={"Retry-After": "0"})
    fails("a limit that does not end", "takes no more questions", "pull", MODEL, fault=fault)
    fault = dict(match="/revision/", status=302, n=99, headers={"Location": "/api/models/user/tiny/revision/main"})
    fails("redirects without end", "redirects in a row", "pull", MODEL, fault=fault)
    fault = dict(match="/revision/", status=302, headers={"Location": "file:///etc/passwd"})
    fails("a redirect to a file", "only https and http", "pull", MODEL, fault=fault)


def encrypted(world, fails):
    """A hub whose certificate nobody vouches for, unless its authority is named."""
    pem = world.work / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        pem,
        "-out",
        f"{pem}.crt",
    ]
    subprocess.run([*make, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pem}.crt", pem)

    class Plain(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", world.fake.url + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = f"https://localhost:{server.server_port}"
    fails("a certificate nobody vouches for", "in SSL_CERT_FILE", "pull", MODEL, HF_ENDPOINT=there)
    named = dict(HF_ENDPOINT=there, SSL_CERT_FILE=f"{pem}.crt")
    fails("a redirect that is not encrypted", "which is not encrypted", "pull", MODEL, **named)
    server.shutdown()
