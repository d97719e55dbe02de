"""A server that speaks the few calls of GitHub's API that a sticky comment needs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

COMMENTS = "/api/v3/repos/octo/shop/issues/7/comments"
ISSUE = "/api/v3/repos/octo/shop/issues/7"
ISSUES = "/api/v3/repos/octo/shop/issues"
WORKFLOW = "/api/v3/repos/octo/shop/actions/workflows/nightly.yml"
PULL = "/api/v3/repos/octo/shop/pulls/7"
LINES = 40  # of each file in the pull request's diff


@dataclass
class Api:
    """Its comments, and what it was asked."""

    url: str = ""
    user: str | None = None
    """Whose token it is; None for a workflow's, which may not ask."""
    readonly: bool = False
    comments: list[dict[str, Any]] = field(default_factory=list)
    remarks: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The comments at lines."""
    issues: list[dict[str, Any]] = field(default_factory=list)
    runs: list[tuple[str, str]] = field(default_factory=list)
    """Of the workflow, the newest first: each commit and how it ended."""
    calls: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def add(self, body: str, login: str, kind: str) -> dict[str, Any]:
        """A comment that somebody wrote."""
        number = len(self.comments) + 1
        url = f"{self.url}/repos/octo/shop/issues/comments/{number}"
        self.comments.append({"id": number, "url": url, "body": body, "user": {"login": login, "type": kind}})
        return self.comments[-1]

    def remark(self, sent: dict[str, Any], login: str, kind: str) -> dict[str, Any]:
        """A comment at lines that somebody wrote."""
        number = max(self.remarks, default=100) + 1
        url = f"{self.url}/repos/octo/shop/pulls/comments/{number}"
        made = {"start_line": None, **sent, "id": number, "url": url, "user": {"login": login, "type": kind}}
        self.remarks[number] = made
        return made

    def answer_at_lines(self, method: str, plain: str, sent: dict[str, Any]) -> tuple[int, Any]:
        """What GitHub would say of comments at lines."""
        one = re.fullmatch(r"/api/v3/repos/octo/shop/pulls/comments/(\d+)", plain)
        if (method, plain) == ("GET", PULL):
            return 200, {"number": 7, "url": f"{self.url}/repos/octo/shop/pulls/7"}
        if (method, plain) == ("GET", f"{PULL}/comments"):
            return 200, list(self.remarks.values())
        if (method, plain) == ("POST", f"{PULL}/comments"):
            if sent["line"] > LINES:
                return 422, {"message": "Validation Failed", "errors": ["pull_request_review_thread.line"]}
            return 201, self.remark(sent, self.user or "github-actions[bot]", "User" if self.user else "Bot")
        if one and method == "PATCH":
            self.remarks[int(one[1])]["body"] = sent["body"]
            return 200, self.remarks[int(one[1])]
        if one and method == "DELETE":
            del self.remarks[int(one[1])]
            return 204, None
        return 404, {"message": "Not Found"}

    def answer(self, method: str, path: str, sent: dict[str, Any]) -> tuple[int, Any]:
        """What GitHub would say."""
        plain = path.partition("?")[0]
        comment = re.fullmatch(r"/api/v3/repos/octo/shop/issues/comments/(\d+)", plain)
        if method in ("POST", "PATCH", "DELETE") and self.readonly:
            return 403, {"message": "Resource not accessible by integration"}
        if plain == "/api/v3/user":
            return (200, {"login": self.user}) if self.user else (403, {"message": "Resource not accessible"})
        if (method, plain) == ("GET", ISSUE):
            return 200, {"number": 7, "url": f"{self.url}/repos/octo/shop/issues/7"}
        if (method, plain) == ("GET", COMMENTS):
            return 200, self.comments
        if (method, plain) == ("POST", COMMENTS):
            return 201, self.add(sent["body"], self.user or "github-actions[bot]", "User" if self.user else "Bot")
        if method == "PATCH" and comment:
            one = self.comments[int(comment[1]) - 1]
            one["body"] = sent["body"]
            return 200, one
        if plain.startswith((ISSUES, WORKFLOW)) and (nightly := self.answer_nightly(method, path, sent)):
            return nightly
        return self.answer_at_lines(method, plain, sent)

    def answer_nightly(self, method: str, path: str, sent: dict[str, Any]) -> tuple[int, Any] | None:
        """What GitHub would say of the workflow's runs, and of issues."""
        plain, _, query = path.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        me = self.user or "github-actions[bot]"
        one = re.fullmatch(rf"{ISSUES}/(\d+)(/comments)?", plain)
        if (method, plain) == ("GET", WORKFLOW):
            return 200, {"id": 1, "url": f"{self.url}/repos/octo/shop/actions/workflows/nightly.yml"}
        if (method, plain) == ("GET", f"{WORKFLOW}/runs"):
            wanted = [
                {"id": number, "head_sha": sha, "conclusion": conclusion}
                for number, (sha, conclusion) in enumerate(self.runs)
                if asked.get("status") in (None, conclusion)
            ]
            return 200, {"total_count": len(wanted), "workflow_runs": wanted}
        if (method, plain) == ("GET", ISSUES):
            return 200, [
                one for one in self.issues if one["state"] == "open" and one["user"]["login"] == asked["creator"]
            ]
        if (method, plain) == ("POST", ISSUES):
            return 201, self.open_issue(sent["title"], sent["body"], me, "User" if self.user else "Bot")
        if method == "PATCH" and one:
            self.issues[int(one[1]) - 100] |= sent
            return 200, self.issues[int(one[1]) - 100]
        if method == "POST" and one and int(one[1]) >= 100:
            self.issues[int(one[1]) - 100]["said"].append(sent["body"])
            return 201, {"id": 1, "body": sent["body"]}
        return None

    def open_issue(self, title: str, body: str, login: str, kind: str) -> dict[str, Any]:
        """An issue that somebody opened."""
        number = 100 + len(self.issues)
        url = f"{self.url}/repos/octo/shop/issues/{number}"
        user = {"login": login, "type": kind}
        facts = {"number": number, "url": url, "title": title, "body": body, "user": user, "state": "open", "said": []}
        self.issues.append(facts)
        return facts


@contextmanager
def serve(api: Api) -> Iterator[Api]:
    """The server, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length) or b"{}")
            api.calls.append(f"{self.command} {self.path.partition('?')[0]}")
            api.tokens.add(self.headers["Authorization"])
            status, body = api.answer(self.command, self.path, sent)
            data = b"" if status == 204 else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}/api/v3"  # as an Enterprise server has it
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
