#!/usr/bin/env python3
"""`ckpt serve` against huggingface_hub's own client, transformers' pipelines, and clients that mean no good.

    python3 Tools/interop.d/serve_check.py CHECKPOINT_FOLDER WORK_FOLDER SEED

The classifier and the masked language model are made of the checkpoint's encoder, with heads of random weights.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from common import PROBES, Report, guarded, quiet

quiet()
os.environ.pop("HF_HUB_OFFLINE")  # the client's word for this machine too; everything else here is a folder

import numpy as np
import torch
import transformers
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertForMaskedLM,
    BertForSequenceClassification,
    pipeline,
)

transformers.logging.set_verbosity_error()
TEXTS = PROBES + ["", "The quick brown fox jumps over the lazy dog.", "日本語 café", "word " * 200]
MASKED = ["paris is the [MASK] of france.", "5.1 [MASK] 1.4 0.2", "the [MASK] brown [MASK] jumps"]
TOKEN = "a-token-of-the-check-0123456789"


class Server:
    """`ckpt serve` on a free port."""

    def __init__(self, model, *options, token=None):
        environment = {k: v for k, v in os.environ.items() if k != "CKPT_SERVE_TOKEN"}
        if token:
            environment["CKPT_SERVE_TOKEN"] = token
        self.process = subprocess.Popen(
            [os.environ["CKPT"], "serve", model, "--port", "0", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read())
        self.ready = json.loads(line)
        self.url = self.ready["url"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def memory(self):
        """Resident, in MB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1000

    def request(self, path, body=None, **headers):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            headers.setdefault("content_type", "application/json")
        request = urllib.request.Request(
            self.url + path, data, {k.replace("_", "-"): v for k, v in headers.items()}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def connect(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)


@contextlib.contextmanager
def served(report, name, model, *options, token=None):
    server = Server(model, *options, token=token)
    try:
        yield server
    except Exception:
        server.process.kill()
        raise
    report.same(f"{name}: SIGTERM ends it in order", server.stop(), 0)


def pairs(predictions):
    return [p.label for p in predictions], [p.score for p in predictions]


def classification(report, server, folder):
    client = InferenceClient(server.url)
    reference = pipeline("text-classification", model=folder, tokenizer=folder, device="cpu")
    for options in (
        {},
        {"top_k": 2},
        {"function_to_apply": "sigmoid"},
        {"function_to_apply": "none", "top_k": 1},
    ):
        ours, theirs = [], []
        for text in TEXTS:
            ours.append(pairs(client.text_classification(text, **options)))
            expected = reference(text, **{"top_k": None, **options})
            theirs.append(([p["label"] for p in expected], [p["score"] for p in expected]))
        name = f"text_classification {options or ''}".strip()
        report.same(f"{name}: labels, the best first", [o[0] for o in ours], [t[0] for t in theirs])
        report.close(f"{name}: scores", sum((o[1] for o in ours), []), sum((t[1] for t in theirs), []), 2e-6)
    _, _, body = server.request("/", {"inputs": [{"text": "a b", "text_pair": "c"}, "d"]})
    expected = reference([{"text": "a b", "text_pair": "c"}, {"text": "d"}], top_k=None)
    scores = [[p["score"] for p in row] for row in json.loads(body)]
    report.close("a pair and a text", sum(scores, []), [p["score"] for row in expected for p in row], 2e-6)
    long = "word " * 600
    expected = reference(long, top_k=None, truncation=True)
    status, _, body = server.request("/", {"inputs": long, "parameters": {"truncation": True}})
    report.close(
        "a long text, cut", [p["score"] for p in json.loads(body)[0]], [p["score"] for p in expected], 2e-6
    )
    status, _, body = server.request("/", {"inputs": long})
    report.check(
        "a long text, uncut, is refused with what to do", status == 413 and b"truncation" in body, body
    )
    try:
        client.text_classification("a", top_k=-1)
        report.check("the client shows what is wrong", False, "no error")
    except HfHubHTTPError as error:
        report.check("the client shows what is wrong", "whole number" in str(error), str(error))


def embedding(report, server, folder):
    client = InferenceClient(server.url)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = [
            model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in TEXTS
        ]
    plain = torch.stack(hidden)
    unit = torch.nn.functional.normalize(plain)
    one = client.feature_extraction(TEXTS[0])
    report.same("feature_extraction: one vector for a text", one.shape, (plain.shape[1],))
    report.close("feature_extraction: the vector", one.tolist(), unit[0].tolist(), 2e-6)
    many = client.feature_extraction(TEXTS, truncate=True)
    report.close(
        "feature_extraction: of many texts at once", many.flatten().tolist(), unit.flatten().tolist(), 2e-6
    )
    raw = client.feature_extraction(TEXTS, normalize=False)
    report.close("feature_extraction: not scaled", raw.flatten().tolist(), plain.flatten().tolist(), 2e-5)
    cosines = client.sentence_similarity(TEXTS[0], other_sentences=TEXTS[1:])
    report.close("sentence_similarity", cosines, (unit[1:] @ unit[0]).tolist(), 2e-6)
    _, _, body = server.request("/embed", {"inputs": TEXTS[0]})
    report.close("/embed", json.loads(body)[0], unit[0].tolist(), 2e-6)


def tokens(report, server, folder):
    client = InferenceClient(server.url)
    reference = pipeline(
        "feature-extraction", model=AutoModel.from_pretrained(folder), tokenizer=folder, device="cpu"
    )
    for text in TEXTS[:3]:
        ours, theirs = client.feature_extraction(text), np.array(reference(text), dtype="float32")
        report.same("feature_extraction: a vector a token, in the pipeline's shape", ours.shape, theirs.shape)
        report.close("feature_extraction: those vectors", ours.flatten(), theirs.flatten(), 2e-5)


def masks(report, server, folder):
    client = InferenceClient(server.url)
    reference = pipeline("fill-mask", model=folder, tokenizer=folder, device="cpu")
    for options in ({}, {"top_k": 20}, {"targets": ["city", "capital", "village"]}):
        for text in MASKED[:2]:
            ours, theirs = client.fill_mask(text, **options), reference(text, **options)
            name = f"fill_mask {options or ''}".strip()
            report.same(
                f"{name}: tokens and sequences",
                [(o.token, o.token_str, o.sequence) for o in ours],
                [(t["token"], t["token_str"], t["sequence"]) for t in theirs],
            )
            report.close(f"{name}: scores", [o.score for o in ours], [t["score"] for t in theirs], 2e-6)
    for inputs in (MASKED, MASKED[:1], MASKED[2]):
        _, _, body = server.request("/", {"inputs": inputs})
        ours, theirs = json.loads(body), reference(inputs)
        plain = lambda x: [plain(y) for y in x] if isinstance(x, list) else x["sequence"]
        report.same("several masks, several texts: the pipeline's shape", plain(ours), plain(theirs))


def descriptions(report, server):
    status, _, body = server.request("/openapi.json")
    try:
        from openapi_spec_validator import validate

        validate(json.loads(body))
        report.check(f"OpenAPI 3.1, {server.ready['task']}: valid", status == 200)
    except ImportError:
        report.check("OpenAPI: openapi-spec-validator is there", False, "pip install openapi-spec-validator")
    try:
        from prometheus_client.parser import text_string_to_metric_families

        _, _, body = server.request("/metrics")
        names = {family.name for family in text_string_to_metric_families(body.decode())}
        wanted = {
            "ckpt_requests",
            "ckpt_request_duration_seconds",
            "ckpt_queue_tokens",
            "ckpt_batch_sequences",
            "ckpt_batch_tokens",
            "ckpt_rejected",
        }
        report.check(
            f"metrics, {server.ready['task']}: Prometheus reads them", wanted <= names, wanted - names
        )
    except ImportError:
        report.check("metrics: prometheus-client is there", False, "pip install prometheus-client")


def access(report, model):
    with served(report, "with a token", model, token=TOKEN) as server:
        report.same("health needs no token", server.request("/health")[0], 200)
        report.same("metrics need it", server.request("/metrics")[0], 401)
        report.check(
            "the client sends it", InferenceClient(server.url, api_key=TOKEN).text_classification("a")
        )
        try:
            InferenceClient(server.url, api_key=TOKEN[:-1] + "x").text_classification("a")
            report.check("a wrong token is refused", False)
        except HfHubHTTPError as error:
            report.same("a wrong token is refused", error.response.status_code, 401)
        with open(f"/proc/{server.process.pid}/cmdline") as file:
            report.check("no argument holds the token", TOKEN not in file.read())
    run = subprocess.run(
        [os.environ["CKPT"], "serve", model, "--host", "0.0.0.0", "--port", "0"],
        capture_output=True,
        text=True,
    )
    report.check("other machines need a token", run.returncode == 2 and "token" in run.stderr, run.stderr)


def hostile(report, model):
    """Other clients go on being served, within a second, while these do what they do."""
    with served(
        report, "hostile clients", model, "--request-timeout", "4", "--max-connections", "64"
    ) as server:
        body = b'{"inputs": "5.1 3.5 1.4 0.2"}'
        expected = server.request("/", body)[2]
        before, slowest, wrong, ends = server.memory(), [0.0], [], threading.Event()

        def watch():
            while not ends.is_set():
                start = time.monotonic()
                try:
                    status, _, found = server.request("/", body)
                    if (
                        status != 200
                        or abs(json.loads(found)[0][0]["score"] - json.loads(expected)[0][0]["score"]) > 1e-5
                    ):
                        wrong.append((status, found))
                except OSError as error:
                    wrong.append(repr(error))
                slowest[0] = max(slowest[0], time.monotonic() - start)
                time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        watcher.start()
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

        def conversation(data, parts=1):
            """What the server says to bytes, until it closes."""
            with server.connect() as connection:
                with contextlib.suppress(OSError):
                    for _ in range(parts):
                        connection.sendall(data)
                answer = b""
                with contextlib.suppress(OSError):
                    while more := connection.recv(65536):
                        answer += more
                return answer

        for name, data, parts, status in (
            ("a first line without end", b"a" * 1_000_000, 200, b"414"),
            ("fields without end", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000, 1000, b"431"),
            ("a huge length", head + b"Content-Length: 9000000000\r\n\r\n" + b"x" * 1_000_000, 1, b"413"),
            (
                "chunks without end",
                head + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 0x8000,
                1,
                b"",
            ),
            ("two lengths", head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 1, b"400"),
            (
                "length and coding",
                head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                1,
                b"400",
            ),
            ("TLS", bytes.fromhex("16030100c8010000c40303") + os.urandom(200) + b"\r\n\r\n", 1, b"400"),
            ("noise", os.urandom(100_000), 1, b""),
        ):
            answer = conversation(data, parts)
            report.check(
                f"hostile: {name}", answer.startswith(b"HTTP/1.1 " + status) or not status, answer[:200]
            )
        smuggled = head + b"Content-Length: 9000000\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        report.same(
            "hostile: a body that is refused is not read as a request",
            conversation(smuggled).count(b"HTTP/1.1 "),
            1,
        )
        for depth in (1000, 900_000):
            status, _, _ = server.request("/", b"[" * depth)
            report.same(f"hostile: {depth} brackets", status, 400)
        status, _, _ = server.request("/", {"inputs": ["a"] * 5000})
        report.same("hostile: 5000 texts", status, 413)
        status, _, _ = server.request("/", {"inputs": "a" * 1_900_000})
        report.check("hostile: a word of 1.9 MB", status in (200, 413, 422), status)

        start = time.monotonic()
        slow = [server.connect() for _ in range(60)]
        for number, connection in enumerate(slow):
            connection.sendall(head + b"Content-Length: 100\r\n\r\n{" if number % 2 else b"POST / HT")
        for _ in range(20):
            time.sleep(0.2)
            for connection in slow:
                with contextlib.suppress(OSError):
                    connection.sendall(b" " if slow.index(connection) % 2 else b"T")
        closed = 0
        for connection in slow:
            connection.settimeout(8)
            with contextlib.suppress(OSError):
                while connection.recv(4096):
                    pass
                closed += 1
            connection.close()
        report.same("hostile: 60 slow clients are cut off", closed, 60)
        flood = []
        for _ in range(300):
            with contextlib.suppress(OSError):
                flood.append(server.connect(timeout=2))
        time.sleep(2)
        for connection in flood:
            connection.close()
        ends.set()
        watcher.join()
        report.check("hostile: others got their answers all the while", not wrong, wrong[:3])
        report.check("hostile: none of them within more than 2 s", slowest[0] < 2, f"{slowest[0]:.2f} s")
        grown = server.memory() - before
        report.check("hostile: memory stays bounded", grown < 300, f"{grown:.0f} MB more")


def overload(report, model):
    with served(report, "overload", model, "--max-queue", "8", "--max-texts", "8") as server:
        statuses, waits = [], []

        def ask():
            for _ in range(10):
                status, headers, _ = server.request("/", {"inputs": ["word " * 300] * 4})
                statuses.append(status)
                if status == 429:
                    waits.append({k.lower(): v for k, v in headers.items()}.get("retry-after"))

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report.same("overload: answers are 200 or 429", sorted(set(statuses)), [200, 429])
        report.check(
            "overload: each 429 says when to come again", all(w and int(w) >= 1 for w in waits), waits[:3]
        )
        report.same("overload: afterwards it serves", server.request("/", {"inputs": "a"})[0], 200)


def stopping(report, model):
    server = Server(model)
    answers = []
    ask = lambda: answers.append(server.request("/", {"inputs": ["word " * 400] * 32})[0])
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    code = server.stop()
    for thread in threads:
        thread.join()
    report.same("stopping: what was asked is answered", (answers, code), ([200] * 3, 0))


def attempt(report, name, check, *arguments):
    """What a check did not foresee does not keep the others from running."""
    try:
        check(report, *arguments)
    except Exception as problem:
        report.check(name, False, f"{type(problem).__name__}: {problem}")


def main():
    checkpoint, work, seed = sys.argv[1:4]
    os.makedirs(work, exist_ok=True)
    report = Report("serve")
    torch.manual_seed(int(seed))
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    classifier, masked = os.path.join(work, "classifier"), os.path.join(work, "masked-lm")
    labels = {0: "setosa", 1: "versicolor", 2: "virginica"}
    BertForSequenceClassification.from_pretrained(
        checkpoint, num_labels=3, id2label=labels, label2id={v: k for k, v in labels.items()}
    ).save_pretrained(classifier)
    BertForMaskedLM.from_pretrained(checkpoint).save_pretrained(masked)
    for folder in (classifier, masked):
        tokenizer.save_pretrained(folder)
    for name, folder, options, check in (
        ("a classifier", classifier, [], classification),
        ("a sentence model", checkpoint, [], embedding),
        ("an encoder", masked, ["--task", "feature-extraction"], tokens),
        ("a masked language model", masked, [], masks),
    ):

        def run(report, folder=folder, options=options, name=name, check=check):
            with served(report, name, folder, *options) as server:
                check(report, server, folder)
                descriptions(report, server)

        attempt(report, name, run)
    for name, check in (
        ("access", access),
        ("hostile", hostile),
        ("overload", overload),
        ("stopping", stopping),
    ):
        attempt(report, name, check, classifier)
    report.finish()


if __name__ == "__main__":
    guarded(main)
