#!/usr/bin/env python3
"""Proves the fake hub: the real huggingface_hub works with it as with the real one.

    python3 Tools/interop.d/hub_contract.py

Run by a Python with any huggingface_hub from 0.36 on. What it asserts of the client is what our own has to live up to.
"""

import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

import common
from hub_fake import FakeHub


def safetensors(size):
    data = os.urandom(size)
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    home = tempfile.mkdtemp(prefix="hub-contract")
    fake = FakeHub(page=3)
    os.environ.update(
        HF_ENDPOINT=fake.url,
        HF_HOME=home,
        HF_TOKEN="hf_writer",
        HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_ETAG_TIMEOUT="10",
    )
    os.environ.pop("HF_HUB_OFFLINE", None)
    import huggingface_hub as hub
    from huggingface_hub import (
        CommitOperationAdd,
        CommitOperationDelete,
        HfApi,
        hf_hub_download,
        snapshot_download,
    )
    from huggingface_hub import errors

    version = tuple(map(int, hub.__version__.split(".")[:2]))
    report = common.Report(f"hub: huggingface_hub {hub.__version__} and the fake")
    api, repo = HfApi(), "user/tiny"

    def refuses(name, error, action):
        try:
            action()
        except error:
            return report.check(name, True, error.__name__ if isinstance(error, type) else "")
        except Exception as problem:
            return report.check(name, False, f"{type(problem).__name__}: {problem}")
        report.check(name, False, "nothing was raised")

    def lines():
        return [line for line, _, _ in fake.requests()]

    report.same("whoami", api.whoami()["name"], "user")
    report.same("make a repository", api.create_repo("tiny", exist_ok=True).repo_id, repo)
    refuses("make it twice", errors.HfHubHTTPError, lambda: api.create_repo("tiny"))

    folder = pathlib.Path(tempfile.mkdtemp())
    weights = safetensors(6 << 20)
    files = {
        "model.safetensors": weights,
        "config.json": b'{"model_type":"bert"}\n',
        "empty.txt": b"",
        "README.md": b"---\nlibrary_name: transformers\n---\n# x\n",
        "training_args.bin": os.urandom(5000),
        "sub/a b+\u00fc.json": b"{}",
        "runs/x/events.out.tfevents.1.h.1.0": os.urandom(99),
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    fake.requests()
    first = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="End of training")
    asked = lines()
    report.check("upload a folder, in parts, whole and inline", any("/part/4" in line for line in asked))
    report.check("what was uploaded is looked at", any("/verify" in line for line in asked))
    report.check("the contents are those", all(fake.contents(repo)[name] == data for name, data in files.items()))
    report.same("the same again is no commit", api.upload_folder(repo_id=repo, folder_path=folder).oid, first.oid)
    info = api.model_info(repo, files_metadata=True)
    report.check("model info", info.sha == first.oid and {s.rfilename for s in info.siblings} >= set(files))
    tree = [entry.path for entry in api.list_repo_tree(repo, recursive=True) if hasattr(entry, "blob_id")]
    report.same("the tree, in pages", sorted(tree), sorted([*files, ".gitattributes"]))
    report.same("paths info", [p.path for p in api.get_paths_info(repo, ["config.json", "nope"])], ["config.json"])

    path = hf_hub_download(repo, "config.json")
    report.same("download a small file", pathlib.Path(path).read_bytes(), files["config.json"])
    path = hf_hub_download(repo, "model.safetensors")
    digest = hashlib.sha256(weights).hexdigest()
    report.same("download a large file", pathlib.Path(path).resolve().name, digest)
    report.check(
        "an odd name", os.readlink(hf_hub_download(repo, "sub/a b+\u00fc.json")).startswith("../../../blobs/")
    )
    fake.requests()
    hf_hub_download(repo, "model.safetensors")
    report.same("cached: one HEAD", [line.split()[0] for line in lines()], ["HEAD"])
    hf_hub_download(repo, "model.safetensors", revision=first.oid)
    report.same("cached by commit: nothing", lines(), [])
    report.check("a snapshot", set(os.listdir(snapshot_download(repo))) >= {"config.json", "sub", "runs"})
    metadata = api.get_safetensors_metadata(repo).files_metadata["model.safetensors"]
    report.same("headers by ranges", metadata.tensors["w"].shape, [6 << 20])

    refuses("no such file", errors.EntryNotFoundError, lambda: hf_hub_download(repo, "nope.json"))
    refuses("no such revision", errors.RevisionNotFoundError, lambda: hf_hub_download(repo, "x", revision="v9"))
    refuses("no such model", errors.RepositoryNotFoundError, lambda: api.model_info("user/none"))
    refuses("a bad token", errors.HfHubHTTPError, lambda: HfApi(token="hf_bad").model_info(repo))
    upload = dict(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    refuses("a token that reads", errors.HfHubHTTPError, lambda: HfApi(token="hf_reader").upload_file(**upload))
    card = dict(path_or_fileobj=b"---\nbase_model: /home/me/bert\n---\n", path_in_repo="README.md", repo_id=repo)
    refuses("a bad card", ValueError, lambda: api.upload_file(**card))
    changes = [
        CommitOperationDelete("sub/"),
        CommitOperationDelete("empty.txt"),
        CommitOperationAdd("new.txt", b"hi"),
    ]
    api.create_commit(repo, changes, commit_message="m")
    names = set(fake.contents(repo))
    report.check("delete and add", "new.txt" in names and not names & {"empty.txt", "sub/a b+\u00fc.json"})
    stale = dict(commit_message="m", parent_commit=first.oid)
    refuses(
        "a stale parent",
        errors.HfHubHTTPError,
        lambda: api.create_commit(repo, [CommitOperationAdd("n.txt", b"2")], **stale),
    )
    request = api.upload_file(**{**upload, "create_pr": True})
    report.check("a pull request", request.pr_url.endswith("/discussions/1"))

    # --- Faults
    def forget():
        import shutil

        shutil.rmtree(f"{home}/hub", ignore_errors=True)

    def download():
        for _ in range(3):
            try:
                return hf_hub_download(repo, "model.safetensors")
            except Exception:  # before 2.0 a body that is cut is an error, and the next call goes on
                pass

    forget()
    fake.fault("^GET /get/", cut=4 << 20)
    report.same("a body that is cut", pathlib.Path(download()).read_bytes() == weights, True)
    forget()
    fake.fault("^GET /get/", cut=4 << 20)
    fake.fault("^GET /get/", norange=True)
    report.same("a range that is ignored", pathlib.Path(download()).read_bytes() == weights, True)
    forget()
    fake.fault("^HEAD .*resolve/main", status=503)
    path = hf_hub_download(repo, "config.json")
    report.check("a hub that is down for a moment", os.path.exists(path))
    if version >= (1, 0):  # before, it takes half a minute to give up
        fake.fault("^HEAD .*resolve/main", status=503, n=50)
        report.same("a hub that is down: the cache", hf_hub_download(repo, "config.json"), path)
        fake.clear_faults()
    fake.fault("^PUT ", status=500)
    api.upload_file(path_or_fileobj=os.urandom(3000), path_in_repo="y.bin", repo_id=repo)
    report.check("a store that fails once", "y.bin" in fake.contents(repo))
    fake.fault("^POST .*/commit/", status=503)
    refuses("a commit is sent once", errors.HfHubHTTPError, lambda: api.upload_file(**upload))
    fake.clear_faults()

    if version >= (1, 0):
        forget()
        fake.fault("^GET /get/", status=429, headers={"Retry-After": "1"})
        start = time.monotonic()
        hf_hub_download(repo, "model.safetensors")
        report.check("a rate limit is waited for", time.monotonic() - start >= 1)

    fake.repositories[repo].gated = "auto"
    ask = dict(token="hf_other", cache_dir=tempfile.mkdtemp())
    refuses("gated", errors.GatedRepoError, lambda: hf_hub_download(repo, "config.json", **ask))
    fake.repositories[repo].gated = False
    api.create_repo("hidden", private=True)
    refuses("private", errors.RepositoryNotFoundError, lambda: HfApi(token="hf_other").model_info("user/hidden"))

    code = f"from huggingface_hub import hf_hub_download as h; print(h('{repo}', 'config.json'))"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    hf_hub_download(repo, "config.json")
    done = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True)
    report.same("offline", done.returncode, 0)
    report.finish()


if __name__ == "__main__":
    common.guarded(main)
