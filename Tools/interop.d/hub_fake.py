#!/usr/bin/env python3
"""A Hugging Face Hub on this machine, in memory, as far as its clients can tell; standard library only.

It has two origins, as the real one has: the hub itself, and a store that holds large files and refuses any token.
Small files are redirected to a relative address which has the facts about them; large ones to the store, which has an
etag that says nothing, the facts being on the redirect. hub_contract.py proves it with the real huggingface_hub.

    with FakeHub() as hub:
        hub.fault("^GET /get/", cut=1000)   # the next such answer breaks off after 1000 bytes of its body
        ... HF_ENDPOINT=hub.url ...
        hub.requests()                      # what was asked since the last call
"""

import hashlib
import http.server
import os
import re
import threading

from hub_fake_api import HubHandler
from hub_fake_store import LARGE, File, Repository, StoreHandler


class FakeHub:
    def __init__(self, page=1000, multipart=5 << 20, chunk=2 << 20):
        self.page, self.multipart, self.chunk = page, multipart, chunk
        self.repositories, self.objects, self.parts = {}, {}, {}
        self.faults, self.log, self.lock = [], [], threading.RLock()
        self.servers = []
        for role in (HubHandler, StoreHandler):
            server = Server(("127.0.0.1", 0), role)
            server.fake = self
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers.append(server)
        self.url, self.store = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def fault(self, match, n=1, after=0, **what):
        """Spoils the next `n` answers to requests that match, once `after` of them have passed.

        `status` with `headers` answers that; `cut` breaks off after so many bytes of the body; `drop` before any
        answer; `lost` does what was asked and then drops; `norange` gives the whole file; `flip` changes a byte.
        """
        with self.lock:
            self.faults.append({"match": match, "n": n, "after": after, **what})

    def clear_faults(self):
        with self.lock:
            self.faults.clear()

    def take_fault(self, line):
        with self.lock:
            for fault in self.faults:
                if fault["n"] > 0 and re.search(fault["match"], line):
                    if fault["after"] > 0:
                        fault["after"] -= 1
                        return {}
                    fault["n"] -= 1
                    return fault
        return {}

    def requests(self):
        """Method and path, headers by lower-case names and the beginning of the body: of all since the last call."""
        with self.lock:
            log, self.log = self.log, []
        return log

    def add(self, name, files, private=False):
        """Puts a model there. `files` are bytes by path; returns the commit."""
        repository = self.repositories.setdefault(name, Repository(name, private))
        stored = dict(repository.commits[repository.refs["main"]])
        for path, data in files.items():
            if os.path.splitext(path)[1] in LARGE:
                oid = hashlib.sha256(data).hexdigest()
                self.objects[oid] = data
                stored[path] = File(oid=oid, size=len(data))
            else:
                stored[path] = File(data)
        return repository.commit("added", stored, "main")

    def contents(self, name, revision="main"):
        """Bytes by path."""
        repository = self.repositories[name]
        files = repository.commits[repository.resolve(revision)]
        return {path: file.data if file.oid is None else self.objects[file.oid] for path, file in files.items()}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # Tens of connections at a time, and a client that ends is no news.
    request_queue_size = 64

    def handle_error(self, *_):
        pass
