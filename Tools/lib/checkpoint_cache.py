"""The Hugging Face cache on disk: checked files in, a snapshot folder out. Used by Tools/fetch-checkpoint."""

import hashlib
import os
import re
import secrets
import shutil
import sys

CHUNK = 1 << 20


class Failure(Exception):
    """Why a checkpoint could not be had, in one sentence."""


class Unreachable(Failure):
    """The source could not be asked at all, so another one may be tried."""


class Absent(Failure):
    """The source answered that it has no such file."""


class Mismatch(Failure):
    """The bytes are not the expected ones."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def enabled(name):
    return os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


class Digest:
    """SHA-256, git's blob SHA-1 and size of a file, computed as its bytes go by."""

    def __init__(self, size):
        self.size, self.sha256 = 0, hashlib.sha256()
        self.sha1 = hashlib.sha1(b"blob %d\0" % size) if size is not None else None

    def add(self, data):
        self.size += len(data)
        self.sha256.update(data)
        if self.sha1:
            self.sha1.update(data)

    @classmethod
    def of(cls, path):
        digest = cls(os.path.getsize(path))
        with open(path, "rb") as file:
            for data in iter(lambda: file.read(CHUNK), b""):
                digest.add(data)
        return digest

    def check(self, name, pin, etag=None):
        """Compares with the pin, or without one with the hub's etag (40 digits: git blob, 64: SHA-256)."""
        if "size" in pin and self.size != pin["size"]:
            raise Mismatch(f"{name}: expected {pin['size']} bytes, found {self.size}")
        if "sha256" in pin:
            kind, expected, found = "SHA-256", pin["sha256"], self.sha256.hexdigest()
        elif etag and re.fullmatch("[0-9a-f]{64}", etag):
            kind, expected, found = "SHA-256", etag, self.sha256.hexdigest()
        elif etag and self.sha1 and re.fullmatch("[0-9a-f]{40}", etag):
            kind, expected, found = "git blob SHA-1", etag, self.sha1.hexdigest()
        else:
            raise Mismatch(f"{name}: nothing to check it with: no pin, and the hub's etag is {etag!r}")
        if found != expected:
            raise Mismatch(f"{name}: expected {kind} {expected}, found {found} ({self.size} bytes)")


def home():
    """The Hugging Face home folder."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expand(os.environ.get("HF_HOME") or os.path.join(caches, "huggingface"))


def expand(path):
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path)))


class Cache:
    """One repository's folder in the Hugging Face cache: blobs, snapshots that link to them, and refs."""

    def __init__(self, repository):
        named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
        self.hub = expand(named or os.path.join(home(), "hub"))
        self.folder = os.path.join(self.hub, "models--" + repository.replace("/", "--"))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def complete(self, entry):
        """The folder of a snapshot that has every file, all checked; none otherwise."""
        try:
            commits = os.listdir(self.path("snapshots"))
        except OSError:
            return None
        current = self.reference(entry["revision"])
        for commit in sorted(commits, key=lambda c: (c != current, c)):
            folder = self.path("snapshots", commit)
            try:
                for name, pin in entry["files"].items():
                    path = os.path.join(folder, name)
                    if pin.get("optional") and not os.path.lexists(path):
                        continue
                    # The name of a blob is the hub's etag.
                    Digest.of(path).check(name, pin, os.path.basename(os.path.realpath(path)))
                return folder
            except OSError:
                continue
            except Mismatch as problem:
                say(f"in the cache, {problem}: it is fetched again")
        return None

    def reference(self, revision):
        try:
            with open(self.path("refs", revision)) as file:
                return file.read()
        except OSError:
            return None

    def publish(self, stage, files, commit, revision, authoritative):
        """Moves checked files (name -> blob) out of the stage; the snapshot's folder is the result."""
        fresh = not os.path.exists(os.path.join(self.hub, "CACHEDIR.TAG"))
        for name, blob in files.items():
            target = self.path("blobs", blob)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(os.path.join(stage, name), target)
            pointer = self.path("snapshots", commit, name)
            os.makedirs(os.path.dirname(pointer), exist_ok=True)
            temporary = f"{pointer}.{secrets.token_hex(4)}.tmp"
            try:
                os.symlink(os.path.relpath(target, os.path.dirname(pointer)), temporary)
            except OSError:
                shutil.copyfile(target, temporary)
            os.replace(temporary, pointer)
        # A commit name made up for a wheel must not displace one that the hub gave.
        if authoritative or self.reference(revision) is None:
            reference = self.path("refs", revision)
            os.makedirs(os.path.dirname(reference), exist_ok=True)
            temporary = f"{reference}.{secrets.token_hex(4)}.tmp"
            with open(temporary, "w") as file:
                file.write(commit)  # 40 digits and no newline, or Python does not find the snapshot
            os.replace(temporary, reference)
        if fresh:
            with open(os.path.join(self.hub, "CACHEDIR.TAG"), "w") as file:
                file.write("Signature: 8a477f597d28d172789f06886806bc55\n# A Hugging Face cache folder.\n")
        return self.path("snapshots", commit)


class Stage:
    """A folder beside the blobs that is gone afterwards, with the folders above it that it alone needed."""

    def __init__(self, cache):
        self.folder = cache.path(f".fetch-{secrets.token_hex(4)}")
        self.made, above = [], cache.folder
        while not os.path.isdir(above):
            self.made.append(above)
            above = os.path.dirname(above)

    def __enter__(self):
        os.makedirs(self.folder)
        return self.folder

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in self.made:
            try:
                os.rmdir(folder)
            except OSError:
                break
