"""Checks of the hub: pushing, with faults."""

import hashlib
import json
import os
import shutil

from hub_world import tail, wait


def pushing(world, report, checkpoint):
    fake, secret = world.fake, "hf_writer"
    folder = world.work / "model"
    shutil.copytree(checkpoint, folder)
    (folder / "big.bin").write_bytes(os.urandom(9_000_000))
    (folder / "small.bin").write_bytes(os.urandom(1000))
    (folder / "empty.txt").write_bytes(b"")
    (folder / "checkpoint-5").mkdir()
    (folder / "checkpoint-5/optimizer.pt").write_bytes(b"x")
    card = "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n# pushed\n"
    (folder / "README.md").write_text(card)
    expected = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    expected.pop("checkpoint-5/optimizer.pt")

    def same(name):
        there = fake.contents(name)
        there.pop(".gitattributes")
        return there == expected

    def commits(name):
        return len(fake.repositories[name].commits) - 1 if name in fake.repositories else 0

    fake.requests()
    done = world.ckpt("push", folder, "user/pushed", "--private", "--dry-run")
    report.check("a dry run says what would be", done.returncode == 0 and "role write" in done.stdout, tail(done))
    wrote = [line for line in world.lines() if line.startswith(("PUT", "POST")) and "validate-yaml" not in line]
    report.check("and sends nothing", not wrote and "user/pushed" not in fake.repositories, wrote)
    done = world.ckpt("push", folder, "user/pushed", "--private", "--json")
    report.check("push", done.returncode == 0 and same("user/pushed"), tail(done))
    log = fake.requests()
    report.check(
        "in parts and whole",
        any("/part/5" in line for line, _, _ in log) and any("/put/" in line for line, _, _ in log),
    )
    signed = [h for line, h, _ in log if line.startswith("PUT") or "complete_multipart" in line]
    report.check("no token goes to a signed address", signed and not any("authorization" in h for h in signed))
    report.check("it is private", fake.repositories["user/pushed"].private)
    done = world.ckpt("push", folder, "user/pushed", "--json")
    report.check(
        "again is nothing",
        json.loads(done.stdout)["committed"] == [] and commits("user/pushed") == 1,
        tail(done),
    )
    (folder / "note.txt").write_text("more")
    expected["note.txt"] = b"more"
    done = world.ckpt("push", folder, "user/pushed", "--json")
    report.check("a change alone is sent", json.loads(done.stdout)["committed"] == ["note.txt"], tail(done))
    done = world.ckpt("push", folder, "user/pushed", "--create-pr")
    report.check(
        "a pull request without a change is none",
        done.returncode == 0 and commits("user/pushed") == 2,
        tail(done),
    )
    (folder / "note.txt").write_text("other")
    done = world.ckpt("push", folder, "user/pushed", "--create-pr")
    good = "/discussions/1" in done.stdout and fake.contents("user/pushed")["note.txt"] == b"more"
    report.check("a pull request", good and "refs/pr/1" in fake.repositories["user/pushed"].refs, tail(done))
    expected["note.txt"] = b"other"

    faults = {
        "a store that fails": [dict(match="^PUT .*/put/", status=500)],
        "a part that breaks": [dict(match="^PUT .*/part/2", drop=True)],
        "an address that has expired": [dict(match="^PUT .*/part/3", status=403)],
        "parts whose end is not confirmed": [dict(match="complete_multipart", lost=True)],
        "a busy hub": [dict(match="preupload", status=503)],
        "a commit that is not made": [dict(match="^POST .*/commit/", status=503)],
        "a commit whose answer is lost": [dict(match="^POST .*/commit/", lost=True)],
    }
    sent = {hashlib.sha256(data).hexdigest() for data in expected.values()}

    def forget_objects():
        fake.clear_faults()
        fake.objects = {oid: data for oid, data in fake.objects.items() if oid not in sent or oid == shared}

    # The weights of a model that is there stay: all repositories have one store.
    shared = hashlib.sha256(expected["model.safetensors"]).hexdigest()
    for index, (name, planned) in enumerate(faults.items()):
        forget_objects()
        for fault in planned:
            fake.fault(**fault)
        repository = f"user/faulty-{index}"
        done = world.ckpt("push", folder, repository)
        good = done.returncode == 0 and same(repository) and commits(repository) == 1
        report.check(f"push despite {name}", good, f"{commits(repository)} commits: {tail(done)}")
    fake.clear_faults()

    # Broken for good, then taken up: what was sent is not sent again, and there never is a half commit.
    forget_objects()
    fake.fault("^PUT .*/part/", status=500, n=999)
    process = world.ckpt("push", folder, "user/resumed", start=True)
    wait(lambda: any("/part/" in line for line, _, _ in list(fake.log)))
    process.kill()
    process.communicate()
    report.same("a push that broke is no commit", commits("user/resumed"), 0)
    fake.clear_faults()
    done = world.ckpt("push", folder, "user/resumed")
    report.check("and is taken up", done.returncode == 0 and same("user/resumed"), tail(done))

    # Somebody else's commit in between.
    fake.fault("^POST .*/commit/", status=412)
    done = world.ckpt("push", folder, "user/rebased")
    report.check("a commit in between", done.returncode == 0 and same("user/rebased"), tail(done))

    def refused(name, says, *arguments, **more):
        fake.clear_faults()
        fake.requests()
        done = world.ckpt("push", *arguments, **more)
        wrote = [
            line for line in world.lines() if "/repos/create" in line or "/commit/" in line or line.startswith("PUT")
        ]
        good = done.returncode == 2 and says in done.stderr and secret not in done.stderr and not wrote
        report.check(f"refused, {name}", good, f"{wrote} exit {done.returncode}: {tail(done)}")

    refused("a token that reads", "may only read", folder, "user/no", token="hf_reader")
    refused("no token", "set HF_TOKEN", folder, "user/no", token=None)
    refused("another's name", "push to user/", folder, "other/no")
    refused("a public one that should be private", "is public", folder, "user/rebased", "--private")
    refused("no folder", "no such file", world.work / "nothing", "user/no")
    for name, text in {
        "a card of paths": "---\nbase_model: /home/me/bert\n---\n",
        "a card the hub alone refuses": "---\nlicense: nonsense\n---\n",
        "a card without metrics": "---\nmodel-index:\n- name: x\n  results:\n  - task:\n      type: t\n---\n",
    }.items():
        (folder / "README.md").write_text(text)
        refused(name, "the hub would refuse the card", folder, "user/no")
    (folder / "README.md").write_text(card)
    (folder / "broken.safetensors").write_bytes(b"12345678")
    refused("weights that are broken", "broken.safetensors", folder, "user/no")
    (folder / "broken.safetensors").unlink()
