"""Checks of the hub: pulling, with faults, and freeing what was pulled."""

import hashlib
import json
import pathlib

from hub_world import MODEL, free_port, tail, wait


def pulling(world, report, files):
    weights = hashlib.sha256(files["model.safetensors"]).hexdigest()

    def pulled(name, *arguments, **more):
        done = world.ckpt("pull", MODEL, *arguments, **more)
        folder = pathlib.Path(done.stdout.strip() or "nowhere")
        good = done.returncode == 0 and (folder / "model.safetensors").is_file()
        good = good and (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
        report.check(name, good, "" if good else f"exit {done.returncode}: {tail(done)}")
        return done

    world.forget()
    done = pulled("pull")
    folder = pathlib.Path(done.stdout.strip())
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    report.same("pull takes one format of weights", names, sorted(set(files) - {"pytorch_model.bin"}))
    tokens = [(line, h) for line, h, _ in world.fake.requests() if h.get("host") == world.fake.store[7:]]
    report.check("no token goes to the store", tokens and not any("authorization" in h for _, h in tokens))
    pulled("pull again")
    report.check("nothing is downloaded twice", not any("/resolve/" in line for line in world.lines()))
    pulled("pull offline", HF_HUB_OFFLINE="1")
    report.same("offline asks nobody", world.lines(), [])
    world.fake.fault("^GET /api", status=503, n=9)
    pulled("pull while the hub is down")
    dead = f"http://127.0.0.1:{free_port()}"
    pulled("pull without a hub", HF_ENDPOINT=dead)
    world.forget()
    done = world.ckpt("pull", MODEL, "--all-files", "--json")
    report.same("all files", sorted(json.loads(done.stdout)["files"]), sorted([*files, ".gitattributes"]))

    faults = {
        "a body that is cut": [dict(match="^GET /get/", cut=100_000, n=3)],
        "a range that is ignored": [
            dict(match="^GET /get/", cut=100_000),
            dict(match="^GET /get/", norange=True),
        ],
        "a store that is busy": [dict(match="^GET /get/", status=503)],
        "a rate limit": [dict(match="^GET .*/tree/", status=429, headers={"RateLimit": '"api";r=0;t=1'})],
        "a hub that hangs up": [dict(match="^GET .*/tree/", drop=True)],
    }
    for name, planned in faults.items():
        world.forget()
        for fault in planned:
            world.fake.fault(**fault)
        pulled(f"pull despite {name}")
    world.forget()
    world.fake.fault("^GET /get/", flip=True)
    done = world.ckpt("pull", MODEL)
    report.check("damage is found", done.returncode == 2 and "not what the hub has" in done.stderr, tail(done))
    report.check("and not kept", not list(world.blobs().glob(weights + "*")))

    # Killed in the middle, taken up by the next run.
    world.forget()
    world.fake.fault("^GET /get/", cut=1_000_000)
    world.fake.fault("^GET /get/", status=503, n=99)
    process = world.ckpt("pull", MODEL, start=True)
    partial = world.blobs() / (weights + ".incomplete")
    wait(lambda: partial.is_file() and partial.stat().st_size == 1_000_000)
    wait(lambda: len(list(world.blobs().glob("*.incomplete"))) == 1)
    process.kill()
    process.communicate()
    listed = json.loads(world.ckpt("cache", "--json").stdout)["repositories"]
    report.same("the cache lists what is not finished", [r["incomplete_bytes"] for r in listed], [1_000_000])
    world.fake.clear_faults()
    world.fake.requests()
    pulled("pull goes on after it was killed")
    ranges = [h.get("range") for line, h, _ in world.fake.requests() if line.startswith("GET /get/")]
    report.same("where it stopped", ranges, ["bytes=1000000-"])

    # Two at once: one downloads, the other waits.
    world.forget()
    pair = [world.ckpt("pull", MODEL, start=True) for _ in range(2)]
    codes = [process.communicate() and process.returncode for process in pair]
    report.same("two at once", codes, [0, 0])
    report.same("download once", sum(line.startswith("GET /get/") for line in world.lines()), 1)


def caching(world, report):
    def listed():
        return [r["name"] for r in json.loads(world.ckpt("cache", "--json").stdout)["repositories"]]

    world.forget()
    world.ckpt("pull", MODEL), world.ckpt("pull", "user/bert")
    report.same("the cache lists models", listed(), ["user/bert", MODEL])
    report.same("freeing asks for something", world.ckpt("cache", "free").returncode, 64)
    done = world.ckpt("cache", "free", MODEL, "--dry-run")
    report.check("a dry run frees nothing", "would be freed" in done.stdout and len(listed()) == 2, tail(done))
    done = world.ckpt("cache", "free", "user/tyny")
    report.check("a mistyped name", done.returncode == 2 and f"did you mean {MODEL}" in done.stderr, tail(done))
    (world.blobs() / ("e" * 64 + ".0a1b2c3d.incomplete")).write_bytes(b"123")
    done = world.ckpt("cache", "free", "--incomplete", "--json")
    report.same("what is not finished", json.loads(done.stdout)["bytes"], 3)
    world.ckpt("cache", "free", MODEL)
    report.same("a model", listed(), ["user/bert"])
    world.ckpt("cache", "free", "--all")
    report.same("all", listed(), [])
