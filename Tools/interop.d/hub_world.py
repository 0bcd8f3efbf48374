"""What the checks of the hub share: a fake hub, and programs that know of no other."""

import os
import pathlib
import shutil
import subprocess
import time

from hub_fake import FakeHub

# The model that most checks pull.
MODEL = "user/tiny"


class World:
    """A fake hub, and programs that know of no other."""

    def __init__(self, work):
        self.fake = FakeHub(page=3)
        self.work = pathlib.Path(work)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.home = self.work / "home"

    def environment(self, token="hf_writer", **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "TRANSFORMERS_"))}
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            kept.pop(name, None)
        kept.update(HF_ENDPOINT=self.fake.url, HF_HOME=str(self.home), HF_HUB_DISABLE_XET="1")
        kept.update(HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1", **more)
        if token:
            kept["HF_TOKEN"] = token
        return kept

    def ckpt(self, *arguments, token="hf_writer", start=False, **more):
        command = [os.environ.get("CKPT", "ckpt"), *map(str, arguments)]
        more.setdefault("TMPDIR", str(self.work))
        options = dict(env=self.environment(token, **more), cwd=self.work, text=True)
        if start:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, **options)

    def python(self, python, code, token="hf_writer", **more):
        environment = self.environment(token, **more)
        return subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, cwd=self.work)

    def forget(self):
        shutil.rmtree(self.home, ignore_errors=True)
        self.fake.clear_faults()
        self.fake.requests()

    def lines(self):
        return [line for line, _, _ in self.fake.requests()]

    def blobs(self):
        return self.home / "hub/models--user--tiny/blobs"


def tail(done):
    return " ".join((done.stderr + done.stdout).split())[-300:]


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.02)
