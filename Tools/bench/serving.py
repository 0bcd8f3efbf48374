#!/usr/bin/env python3
"""Times servers of one model under load. See serving.

serving.py run FOLDER CHECKPOINT [--rounds N] [--seconds N] [--connections "N …"]   FOLDER/serving.json
serving.py report FOLDER [--json]
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request

from session import load, print_machine, spread

SERVERS = ("ckpt serve", "FastAPI", "FastAPI, batches")
SHORT = "The quick brown fox jumps over the lazy dog near the river bank."
WORDS = "time person year way day thing man world life hand part child eye woman place work week case point".split()
# What is added to every request, and what is told at the end.
LUA = """
local texts, turn = %s, 0
local headers = { ["content-type"] = "application/json" }
request = function()
  turn = turn %% #texts + 1
  return wrk.format("POST", "/embed", headers, '{"inputs": "' .. texts[turn] .. '"}')
end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\nJSON {"rate": %%.3f, "p50": %%d, "p99": %%d, "errors": %%d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def mixed(count):
    """Texts of 3 to 200 words, most of them short, the same each time."""
    generator = random.Random(1)
    lengths = [min(200, max(3, int(generator.lognormvariate(2.8, 0.9)))) for _ in range(count)]
    return [" ".join(generator.choice(WORDS) for _ in range(length)) for length in lengths]


LOADS = {"short": [SHORT], "mixed": mixed(500)}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(name, folder, checkpoint):
    port = free_port()
    if name == "ckpt serve":
        command = [os.environ["CKPT"], "serve", checkpoint, "--port", str(port)]
    else:
        peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serving_peer.py")
        command = [sys.executable, peer, os.path.join(folder, "onnx", "model.onnx"), checkpoint, str(port)]
        command += ["--batches"] if "batches" in name else []
    return subprocess.Popen(command, stdout=subprocess.DEVNULL), port


def embed(port, text):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/embed",
        json.dumps({"inputs": text}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)[0]


def wait(port):
    for _ in range(600):
        try:
            return embed(port, "a")
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"serving: nothing answers on port {port}")


def memory(process):
    try:
        with open(f"/proc/{process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1000
    except OSError:
        return None


def run(options):
    processes = {name: start(name, options.folder, options.checkpoint) for name in SERVERS}
    try:
        for _, port in processes.values():
            wait(port)
        difference = 0
        for text in [SHORT] + LOADS["mixed"][:20]:
            ours, *theirs = (embed(port, text) for _, port in processes.values())
            difference = max([difference] + [abs(a - b) for row in theirs for a, b in zip(ours, row)])
        if difference > 1e-5:
            raise SystemExit(
                f"serving: the servers' vectors differ by {difference:.1e}; they are not the same model"
            )
        results = []
        for load_name, texts in LOADS.items():
            script = os.path.join(options.folder, load_name + ".lua")
            with open(script, "w") as file:
                file.write(LUA % ("{" + ",".join(json.dumps(text) for text in texts) + "}"))
        for turn in range(options.rounds):
            print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
            for load_name in LOADS:
                for connections in options.connections.split():
                    for name, (_, port) in processes.items():
                        command = [
                            "wrk",
                            "-t1",
                            "-c" + connections,
                            f"-d{options.seconds}s",
                            "--timeout",
                            "30s",
                        ]
                        command += [
                            "-s",
                            os.path.join(options.folder, load_name + ".lua"),
                            f"http://127.0.0.1:{port}",
                        ]
                        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                        result = json.loads(output[output.index("JSON ") + 5 :])
                        result.update(server=name, load=load_name, connections=int(connections), round=turn)
                        results.append(result)
        peaks = {name: memory(process) for name, (process, _) in processes.items()}
    finally:
        for process, _ in processes.values():
            process.terminate()
        for process, _ in processes.values():
            process.wait()
    with open(os.path.join(options.folder, "serving.json"), "w") as file:
        json.dump(dict(results=results, difference=difference, peaks=peaks, load=os.getloadavg()[0]), file)


def report(options):
    session, machine = load(options.folder, "serving.json"), load(options.folder, "machine.json")
    rows = []
    for load_name in LOADS:
        for connections in sorted({r["connections"] for r in session["results"]}):
            row = dict(load=load_name, connections=connections, servers={})
            for name in SERVERS:
                found = [
                    r
                    for r in session["results"]
                    if (r["server"], r["load"], r["connections"]) == (name, load_name, connections)
                ]
                row["servers"][name] = dict(
                    rate=spread([r["rate"] for r in found]),
                    p50=spread([r["p50"] / 1000 for r in found]),
                    p99=spread([r["p99"] / 1000 for r in found]),
                    errors=sum(r["errors"] for r in found),
                )
            rows.append(row)
    if options.json:
        print(
            json.dumps(
                dict(machine=machine, rows=rows, peaks=session["peaks"], difference=session["difference"])
            )
        )
        return
    import fastapi, onnxruntime, transformers, uvicorn

    print_machine(
        machine,
        f"FastAPI {fastapi.__version__}, uvicorn {uvicorn.__version__}, transformers {transformers.__version__}, "
        f"onnxruntime {onnxruntime.__version__}",
    )
    print(f"vectors differ by at most {session['difference']:.1e}; load {session['load']:.2f} at the end")
    print(
        "peak memory, MB: "
        + ", ".join(f"{name} {peak:.0f}" for name, peak in session["peaks"].items() if peak)
    )
    print()
    print(
        f"{'load':6} {'clients':>7}  {'server':18} {'requests/s':>10} {'least':>7} {'most':>7} {'p50 ms':>8} {'p99 ms':>8}  ours/theirs: rate, p99"
    )
    for row in rows:
        ours = row["servers"][SERVERS[0]]
        for name, s in row["servers"].items():
            ratio = (
                ""
                if s is ours
                else f"  {ours['rate']['median'] / s['rate']['median']:.2f}, {ours['p99']['median'] / s['p99']['median']:.2f}"
            )
            errors = f"  {s['errors']} errors" if s["errors"] else ""
            print(
                f"{row['load']:6} {row['connections']:7}  {name:18} {s['rate']['median']:10.1f} {s['rate']['min']:7.1f} "
                f"{s['rate']['max']:7.1f} {s['p50']['median']:8.2f} {s['p99']['median']:8.2f}{ratio}{errors}"
            )


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    running = verbs.add_parser("run")
    running.add_argument("folder")
    running.add_argument("checkpoint")
    running.add_argument("--rounds", type=int, default=3)
    running.add_argument("--seconds", type=int, default=5)
    running.add_argument("--connections", default="1 8 32")
    reporting = verbs.add_parser("report")
    reporting.add_argument("folder")
    reporting.add_argument("--json", action="store_true")
    options = parser.parse_args()
    run(options) if options.verb == "run" else report(options)


if __name__ == "__main__":
    main()
