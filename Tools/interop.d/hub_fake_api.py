"""Of the fake hub: the hub itself, as a client of its API sees it."""

import base64
import hashlib
import json
import os
import re
from urllib.parse import parse_qs, quote, unquote

from hub_fake_store import INLINE_LIMIT, LARGE, TOKENS, File, Handler, Refusal, Repository


class HubHandler(Handler):
    def answer(self, path):
        authorization = self.headers.get("Authorization", "")
        self.token = authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else None
        self.account = TOKENS.get(self.token)
        with self.fake.lock:
            for pattern, action in self.ROUTES:
                if found := re.fullmatch(pattern, path):
                    return action(self, *found.groups())
        raise Refusal(404, "Sorry, we can't find the page you are looking for.")

    # --- Who may what

    def repository(self, name, writes=False):
        found = self.fake.repositories.get(name)
        owner = name.split("/")[0]
        if self.token and not self.account:
            raise Refusal(401, "Invalid credentials in Authorization header")
        if found is None or (found.private and (self.account or ("",))[0] != owner):
            if self.account:
                raise Refusal(404, "Repository not found", "RepoNotFound")
            raise Refusal(401, "Invalid username or password.")
        if writes and self.account != (owner, "write"):
            raise Refusal(403, "Forbidden: you must use a write token to upload to a repository.")
        return found

    def whoami(self):
        if not self.account:
            raise Refusal(401, "Invalid credentials in Authorization header")
        name, role = self.account
        token = {"displayName": "t", "role": role}
        self.reply(
            200,
            {
                "type": "user",
                "name": name,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": token},
            },
        )

    # --- Making repositories

    def create(self):
        if not self.account:
            raise Refusal(401, "Invalid username or password.")
        wish = json.loads(self.body)
        owner = wish.get("organization") or self.account[0]
        name = f"{owner}/{wish['name']}"
        if self.account != (owner, "write"):
            raise Refusal(403, f'You don\'t have the rights to create a model under the namespace "{owner}"')
        if name in self.fake.repositories:
            return self.reply(409, {"error": "You already created this model repo"})
        private = wish.get("visibility") == "private" or wish.get("private") is True
        self.fake.repositories[name] = Repository(name, private)
        self.reply(200, {"url": f"{self.fake.url}/{name}", "name": name, "id": name})

    def validate(self):
        card = json.loads(self.body)["content"]
        front = card.split("\n---", 1)[0]
        if not card.startswith("---"):
            warning = {"message": "empty or missing yaml metadata in repo card"}
            return self.reply(200, {"errors": [], "warnings": [warning]})
        rules = [
            (r"(?m)^base_model: *['\"]?([./][^\n]*)", '"base_model" with value "{}" is not valid.'),
            (
                r"(?m)^license: *(nonsense)$",
                '"license" with value "{}" must be one of those that the hub knows',
            ),
            (r"(?m)^      config: (null)$", '"model-index[0].results[0].dataset.config" must be a string'),
        ]
        for pattern, message in rules:
            if found := re.search(pattern, front):
                return self.reply(400, {"errors": [{"message": message.format(found[1])}], "warnings": []})
        if "results:\n" in card and "results: []" not in card and "metrics:\n    - " not in card:
            error = {"message": '"model-index[0].results[0].metrics" is required'}
            return self.reply(400, {"errors": [error], "warnings": []})
        self.reply(200, {"errors": [], "warnings": []})

    # --- Reading

    def model(self, name, verb, rest):
        repository = self.repository(name, writes=verb in ("preupload", "commit"))
        if verb == "refs":
            branches = [{"name": k, "ref": f"refs/heads/{k}", "targetCommit": v} for k, v in repository.refs.items()]
            return self.reply(200, {"branches": branches, "tags": [], "converts": []})
        # The revision is one part of the path, its slashes escaped, so the raw path is looked at.
        parts = self.url.path.split("/")
        revision = unquote(parts[6]) if len(parts) > 6 else "main"
        below = "/".join(unquote(part) for part in parts[7:])
        commit = repository.resolve(revision)
        if commit is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        files = repository.commits[commit]
        if verb in (None, "revision"):
            return self.info(repository, commit, files)
        getattr(self, verb.replace("-", "_"))(repository, revision, commit, files, below)

    def info(self, repository, commit, files):
        siblings = []
        for path, file in sorted(files.items()):
            entry = {"rfilename": path}
            if "blobs" in self.query:
                entry.update(blobId=file.entry(path)["oid"], size=file.size)
                if file.oid:
                    entry["lfs"] = {"sha256": file.oid, "size": file.size, "pointerSize": 135}
            siblings.append(entry)
        name = repository.name
        facts = {"_id": "0", "id": name, "modelId": name, "author": name.split("/")[0], "sha": commit}
        date = "2026-01-01T00:00:00.000Z"
        facts.update(private=repository.private, gated=repository.gated, disabled=False, tags=[], siblings=siblings)
        self.reply(200, {**facts, "lastModified": date, "createdAt": date, "downloads": 0, "likes": 0})

    def tree(self, repository, revision, commit, files, below):
        recursive = self.query.get("recursive", [""])[0].lower() in ("true", "1")
        entries, folders = [], set()
        for path, file in sorted(files.items()):
            if below and not path.startswith(below + "/"):
                continue
            prefix = below + "/" if below else ""
            parts = path.removeprefix(prefix).split("/")
            for depth in range(1, len(parts)):
                folder = prefix + "/".join(parts[:depth])
                if folder not in folders and (recursive or depth == 1):
                    folders.add(folder)
                    oid = hashlib.sha1(folder.encode()).hexdigest()
                    entries.append({"type": "directory", "oid": oid, "size": 0, "path": folder})
            if recursive or len(parts) == 1:
                entries.append(file.entry(path))
        start, headers = int(self.query.get("cursor", ["0"])[0]), {}
        if start + self.fake.page < len(entries):
            query = f"recursive={str(recursive).lower()}&expand=false&cursor={start + self.fake.page}"
            headers["Link"] = f'<{self.fake.url}{self.url.path}?{query}>; rel="next"'
        self.reply(200, entries[start : start + self.fake.page], headers=headers)

    def paths_info(self, repository, revision, commit, files, below):
        form = b"paths=" in self.body
        paths = parse_qs(self.body.decode()).get("paths", []) if form else json.loads(self.body)["paths"]
        self.reply(200, [files[path].entry(path) for path in paths if path in files])

    def resolve(self, name, *_):
        parts = [unquote(part) for part in self.url.path.split("/")]
        revision, path = parts[4], "/".join(parts[5:])
        repository = self.repository(name)
        commit = repository.resolve(revision)
        if commit is None:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        if repository.gated and (self.account or ("",))[0] != name.split("/")[0]:
            text = f"Access to model {name} is restricted. Visit {self.fake.url}/{name} to ask for access."
            raise Refusal(403 if self.account else 401, text, "GatedRepo")
        file = repository.commits[commit].get(path)
        if file is None:
            raise Refusal(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": commit})
        if file.oid:
            headers = {
                "Location": f"{self.fake.store}/get/{file.oid}?Expires=1&Signature=x",
                "X-Repo-Commit": commit,
                "X-Linked-Size": str(file.size),
                "X-Linked-ETag": f'"{file.oid}"',
            }
            return self.reply(302, raw=b"Found", headers=headers, kind="text/plain")
        location = f"/api/resolve-cache/models/{name}/{commit}/{quote(path)}?etag=%22{file.name}%22"
        self.reply(307, raw=b"Temporary Redirect", headers={"Location": location}, kind="text/plain")

    def resolve_cache(self, name, commit, path):
        file = self.repository(name).commits[commit][path]
        self.ranged(file.data, {"ETag": f'"{file.name}"', "X-Repo-Commit": commit})

    # --- Writing

    def preupload(self, repository, revision, commit, files, below):
        answers = []
        for file in json.loads(self.body)["files"]:
            path, sample = file["path"], base64.b64decode(file.get("sample", ""))
            large = os.path.splitext(path)[1] in LARGE or "tfevents" in path or file["size"] > INLINE_LIMIT
            mode = "lfs" if large or b"\0" in sample else "regular"
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False})
            if path in files:
                answers[-1]["oid"] = files[path].name
        self.reply(200, {"files": answers})

    def batch(self, name):
        self.repository(name, writes=True)
        wish, objects = json.loads(self.body), []
        for item in wish["objects"]:
            oid, size = item["oid"], item["size"]
            objects.append({"oid": oid, "size": size})
            if oid in self.fake.objects:
                continue
            verify = {"href": f"{self.fake.url}/{name}.git/info/lfs/objects/verify"}
            upload = {"href": f"{self.fake.store}/put/{oid}?Signature=x"}
            if size > self.fake.multipart and "multipart" in wish.get("transfers", []):
                count = -(-size // self.fake.chunk)
                header = {str(n + 1): f"{self.fake.store}/{oid}/part/{n + 1}?Signature=x" for n in range(count)}
                header["chunk_size"] = str(self.fake.chunk)
                upload = {"href": f"{self.fake.url}/api/complete_multipart?signature=x", "header": header}
            objects[-1]["actions"] = {"upload": upload, "verify": verify}
        self.reply(200, {"transfer": "basic", "objects": objects}, kind="application/vnd.git-lfs+json")

    def complete(self):
        # The address is signed; a token in addition is one too many.
        if self.query.get("signature") != ["x"] or self.headers.get("Authorization"):
            raise Refusal(403, "bad signature")
        wish = json.loads(self.body)
        data = b""
        for number, part in enumerate(wish["parts"], 1):
            piece = self.fake.parts.get(f"/{wish['oid']}/part/{number}", b"")
            if part["partNumber"] != number or part["etag"].strip('"') != hashlib.md5(piece).hexdigest():
                raise Refusal(400, "InvalidPart")
            data += piece
        if hashlib.sha256(data).hexdigest() != wish["oid"]:
            raise Refusal(400, "the SHA-256 is another")
        self.fake.objects[wish["oid"]] = data
        self.reply(200, {})

    def verify(self, name):
        self.repository(name, writes=True)
        wish = json.loads(self.body)
        there = len(self.fake.objects.get(wish["oid"], b"")) == wish["size"] and wish["oid"] in self.fake.objects
        self.reply(200 if there else 422, {})

    def commit(self, repository, revision, head, files, below):
        lines = [json.loads(line) for line in self.body.decode().splitlines() if line.strip()]
        header = lines[0]["value"]
        if lines[0]["key"] != "header" or not header.get("summary"):
            raise Refusal(400, "header with summary required")
        if header.get("parentCommit") and header["parentCommit"] != head:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(files)
        for line in lines[1:]:
            self.apply(line["key"], line["value"], files)
        branch, address = revision, {}
        if self.query.get("create_pr") == ["1"]:
            number = 1 + sum(ref.startswith("refs/pr/") for ref in repository.refs)
            branch = f"refs/pr/{number}"
            address = {"pullRequestUrl": f"{self.fake.url}/{repository.name}/discussions/{number}"}
        oid = repository.commit(header["summary"], files, branch)
        url = f"{self.fake.url}/{repository.name}/commit/{oid}"
        self.reply(200, {"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": "", **address})

    def apply(self, key, value, files):
        path = value["path"]
        if key == "file":
            data = base64.b64decode(value["content"])
            if len(data) > INLINE_LIMIT:
                raise Refusal(400, "Your push was rejected because it contains files larger than 10 MiB.")
            files[path] = File(data)
        elif key == "lfsFile":
            if value["oid"] not in self.fake.objects:
                raise Refusal(400, f"an LFS pointer pointed to a file that does not exist: {path}")
            files[path] = File(oid=value["oid"], size=len(self.fake.objects[value["oid"]]))
        elif key == "deletedFile":
            if files.pop(path, None) is None:
                raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
        elif key == "deletedFolder":
            for name in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
                del files[name]

    NAME = r"([^/]+/[^/]+)"
    ROUTES = [
        (r"/api/whoami-v2", whoami),
        (r"/api/repos/create", create),
        (r"/api/validate-yaml", validate),
        (r"/api/complete_multipart", complete),
        (rf"/{NAME}\.git/info/lfs/objects/batch", batch),
        (rf"/{NAME}\.git/info/lfs/objects/verify", verify),
        (rf"/api/resolve-cache/models/{NAME}/([0-9a-f]{{40}})/(.+)", resolve_cache),
        (rf"/api/models/{NAME}(?:/(revision|tree|paths-info|preupload|commit|refs)(?:/(.+))?)?", model),
        (rf"/{NAME}/resolve/([^/]+)/(.+)", resolve),
    ]
