"""An OpenID Connect provider on this machine, which believes whoever says who they are, and demands PKCE.

with Provider() as provider:
    provider.knows("ada", name="Ada Lovelace", email="ada@acme.example", email_verified=True)
"""

import threading
import warnings
from hashlib import sha256
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import authlib.deprecate  # type: ignore[import-untyped]  # noqa: F401  (it shows its own warnings always)
import flask
import requests
from joserfc.util import urlsafe_b64encode
from werkzeug.serving import make_server

PERSON = {"name": "Ada Lovelace", "email": "ada@acme.example", "email_verified": True}


class Provider:
    """One server, which runs until its `with` statement ends."""

    def __init__(self) -> None:
        self._challenges: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        """The query of each request to sign in."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Authlib as it was before
            import oidc_provider_mock  # type: ignore[import-untyped]
        app: flask.Flask = oidc_provider_mock.app(require_nonce=True)
        app.before_request(self._demand_pkce)
        app.after_request(self._remember_challenge)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def knows(self, subject: str, **claims: object) -> None:
        """From now on the provider says this about this person."""
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=60).raise_for_status()

    def secrets(self, url: str, *, more: str = "") -> str:
        """A `[sign_in]` that uses it."""
        return f"""[sign_in]
url = "{url}"
{more}
[sign_in.providers.acme]
label = "Acme"
issuer = "{self.url}"
client_id = "desk"
client_secret = "s3cr3t-of-the-desk"
"""

    def comes_back(self, way_here: str, subject: str) -> str:
        """What a person does who was sent here: says who they are, and is sent back."""
        answer = requests.post(way_here, data={"sub": subject}, allow_redirects=False, timeout=60)
        assert answer.status_code == 302, answer.text[:300]
        return answer.headers["Location"]

    def _demand_pkce(self) -> flask.Response | None:
        asked = flask.request
        if asked.path == "/oauth2/authorize" and asked.args.get("code_challenge_method") != "S256":
            return flask.make_response("PKCE is needed", 400)
        if asked.path == "/oauth2/token":
            verifier = asked.form.get("code_verifier", "")
            wanted = self._challenges.pop(asked.form.get("code", ""), "")
            if urlsafe_b64encode(sha256(verifier.encode()).digest()).decode() != wanted:
                return flask.make_response({"error": "invalid_grant"}, 400)
        return None

    def _remember_challenge(self, answer: flask.Response) -> flask.Response:
        if flask.request.path == "/oauth2/authorize":
            if flask.request.method == "GET" or "Location" in answer.headers:
                self.asked.append(flask.request.args.to_dict())
            back = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
            if "code" in back:
                self._challenges[back["code"][0]] = flask.request.args.get("code_challenge", "")
        return answer
