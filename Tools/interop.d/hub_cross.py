"""Checks of the hub: one cache and one hub, and Python on the other side of both."""

import hashlib
import json
import sys
import threading

from hub_world import MODEL, tail


def crossing(world, report, pythons, files, checkpoint):
    """One cache, one hub, two languages."""
    version = "import huggingface_hub; print(huggingface_hub.__version__)"
    for python in pythons:
        name = world.python(python, version).stdout.strip()
        world.forget()
        world.ckpt("pull", MODEL)
        world.fake.requests()
        code = f"""
from huggingface_hub import hf_hub_download, scan_cache_dir
print(hf_hub_download('{MODEL}', 'model.safetensors'))
print(len(scan_cache_dir().warnings))
"""
        done = world.python(python, code, HF_HUB_OFFLINE="1")
        report.check(f"{name} finds offline what ckpt pulled", done.stdout.endswith("\n0\n"), tail(done))
        world.forget()
        code = f"from huggingface_hub import snapshot_download as s; print(s('{MODEL}', revision='main'))"
        done = world.python(python, code)
        there = done.stdout.strip()
        world.fake.requests()
        ours = world.ckpt("pull", MODEL, HF_HUB_OFFLINE="1")
        report.same(f"ckpt finds offline what {name} downloaded", ours.stdout.strip(), there)
        world.ckpt("pull", MODEL)
        asked = [line for line in world.lines() if "/resolve/" in line]
        report.same(f"and does not download it again after {name}", asked, [])
        # What one has begun, the other finishes: both know a file by the same name up to version 1.
        world.forget()
        both = threading.Thread(target=lambda: world.python(python, code))
        both.start()
        done = world.ckpt("pull", MODEL)
        both.join()
        report.check(f"both at once with {name}", done.returncode == 0, tail(done))
        count = sum(
            line.startswith("GET /get/") and hashlib.sha256(files["model.safetensors"]).hexdigest() in line
            for line in world.lines()
        )
        report.same(f"the weights come once with {name}", count, 1)

    labels = "setosa versicolor virginica".split()
    out = world.work / "classifier"
    code = f"""
import json, torch, transformers as t
t.logging.set_verbosity_error()
config = t.AutoConfig.from_pretrained({checkpoint!r}, num_hidden_layers=1, id2label=dict(enumerate({labels!r})))
torch.manual_seed(0)
t.BertForSequenceClassification(config).save_pretrained({str(out)!r})
t.AutoTokenizer.from_pretrained({checkpoint!r}).save_pretrained({str(out)!r})
"""
    done = world.python(sys.executable, code, HF_HUB_OFFLINE="1")
    report.check("a classifier is made", done.returncode == 0, tail(done))
    done = world.ckpt("push", out, "user/classifier")
    report.check("ckpt pushes it", done.returncode == 0, tail(done))
    world.forget()
    code = """
import json, transformers as t
t.logging.set_verbosity_error()
print(json.dumps(t.pipeline("text-classification", model="user/classifier", top_k=None)("5.1 3.5 1.4 0.2")))
"""
    done = world.python(sys.executable, code)
    answer = json.loads(done.stdout) if done.returncode == 0 else []
    answer = answer[0] if answer and isinstance(answer[0], list) else answer
    theirs = {x["label"]: x["score"] for x in answer}
    report.check("pipeline() loads what ckpt pushed", bool(theirs), tail(done))
    world.forget()
    done = world.ckpt("predict", "user/classifier", "5.1 3.5 1.4 0.2", "--json")
    ours = {x["label"]: x["score"] for x in json.loads(done.stdout)["scores"]} if done.returncode == 0 else {}
    order = sorted(labels)
    report.close("and ckpt predicts the same", [ours[k] for k in order], [theirs[k] for k in order], 1e-5)
    code = f"""
from huggingface_hub import HfApi
HfApi().create_repo("from-python", exist_ok=True)
HfApi().upload_folder(repo_id="user/from-python", folder_path={str(out)!r})
"""
    done = world.python(sys.executable, code)
    report.check("Python pushes it", done.returncode == 0, tail(done))
    ours = world.ckpt("hash", "user/from-python", "--json").stdout
    report.check("ckpt pulls what Python pushed", ours and ours == world.ckpt("hash", out, "--json").stdout)
    done = world.ckpt("push", out, "user/from-python", "--json")
    report.same("and has nothing to add to it", json.loads(done.stdout)["committed"], [])
