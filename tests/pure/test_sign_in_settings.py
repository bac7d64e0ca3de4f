"""[sign_in] of the secrets file: each mistake is named with its remedy, and no value is ever repeated."""

from typing import Any

import pytest

from blnk_api.common.origins import Origin
from blnk_api.errors import SettingsProblem
from blnk_api.sign_in_settings import SignIn, read_sign_in
from tests.support.json_object import JsonObject

SECRET = "s3cr3t"
PROVIDER = {"issuer": "https://acme.okta.example", "client_id": "desk", "client_secret": SECRET}
PROXY = {
    "header": "Cf-Access-Jwt-Assertion",
    "jwks": "https://acme.cloudflareaccess.com/cdn-cgi/access/certs",
    "issuer": "https://acme.cloudflareaccess.com",
    "audience": "aud_1",
}
URL = "https://desk.example.com"


def read(**table: Any) -> SignIn | None:
    return read_sign_in({"sign_in": {"url": URL, **table}})


def with_provider(**keys: Any) -> SignIn | None:
    table = {name: value for name, value in {**PROVIDER, **keys}.items() if value is not None}
    return read(providers={"acme": table})


def test_without_the_table_nobody_signs_in() -> None:
    assert read_sign_in({"connections": {}}) is None


def test_a_provider_needs_an_issuer_and_a_client() -> None:
    found = with_provider()
    assert found is not None
    assert found.url == Origin("https", "desk.example.com", 443)
    assert (found.longest_seconds, found.idle_seconds) == (43_200, 3_600)
    assert found.cookie == "__Host-desk_session"
    [acme] = found.providers.values()
    assert (acme.name, acme.label, acme.issuer) == ("acme", "acme", "https://acme.okta.example")
    assert (acme.client_id, acme.client_secret, acme.scopes, acme.trust_email) == ("desk", SECRET, (), False)
    assert SECRET not in repr(found)


def test_every_key_is_used() -> None:
    provider = {**PROVIDER, "label": "Acme", "scopes": ["groups"], "trust_email": True}
    found = read(
        url="http://localhost:8501/", longest_hours=8, idle_minutes=15, providers={"okta-1": provider}
    )
    assert found is not None
    assert str(found.url) == "http://localhost:8501"
    assert found.cookie == "desk_session"
    assert (found.longest_seconds, found.idle_seconds) == (28_800, 900)
    acme = found.providers["okta-1"]
    assert (acme.label, acme.scopes, acme.trust_email) == ("Acme", ("groups",), True)


def test_a_proxy_signs_its_header_or_is_trusted_without_a_signature() -> None:
    signed = read(proxy={**PROXY, "trust_email": True, "sign_out_url": "/cdn-cgi/access/logout"})
    assert signed is not None
    assert signed.proxy is not None
    assert (signed.proxy.header, signed.proxy.audience) == ("Cf-Access-Jwt-Assertion", "aud_1")
    assert (signed.proxy.trust_email, signed.proxy.trust_unsigned) == (True, False)
    assert signed.proxy.sign_out_url == "/cdn-cgi/access/logout"
    bare = read(proxy={"header": "Tailscale-User-Login", "trust_unsigned": True})
    assert bare is not None
    assert bare.proxy is not None
    assert bare.proxy.trust_unsigned


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"url": None}, "sign_in.url is missing"),
        ({"url": "https://desk.example.com/path"}, "sign_in.url should be the address"),
        ({"url": "http://desk.example.com"}, "sign_in.url must begin with https://"),
        ({"providers": {}}, "either providers"),
        ({"proxy": PROXY}, "either providers"),
        ({"longest_hours": 0}, "sign_in.longest_hours should be a number"),
        ({"idle_minutes": "60"}, "sign_in.idle_minutes should be a number"),
        ({"cookie_secret": SECRET}, "sign_in.cookie_secret is not a known key"),
        ({"providers": [PROVIDER]}, "sign_in.providers must be tables"),
        ({"providers": {"a b": PROVIDER}}, "letters, digits and hyphens"),
        ({"providers": {"acme": SECRET}}, "sign_in.providers.acme must be a table"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(table: JsonObject, said: str) -> None:
    whole = {"url": URL, "providers": {"acme": PROVIDER}} | table
    with pytest.raises(SettingsProblem) as raised:
        read_sign_in({"sign_in": {name: value for name, value in whole.items() if value is not None}})
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"issuer": None}, "acme.issuer is missing"),
        ({"client_secret": f"{SECRET} x"}, "acme.client_secret contains a space"),
        ({"issuer": "acme.example"}, "acme.issuer should look like"),
        ({"issuer": "http://acme.example"}, "acme.issuer must begin with https://"),
        ({"issuer": "https://user@acme.example"}, "acme.issuer should look like"),
        ({"issuer": "https://login.microsoftonline.com/common/v2.0"}, "every Microsoft tenant"),
        ({"issuer": "https://login.microsoftonline.com/organizations/v2.0"}, "every Microsoft tenant"),
        ({"issuer": "https://login.microsoftonline.us/Consumers/"}, "every Microsoft tenant"),
        ({"issuer": "https://sts.windows.net/common/"}, "every Microsoft tenant"),
        ({"scopes": "groups"}, "acme.scopes should be a list"),
        ({"trust_email": "true"}, "acme.trust_email should be true or false"),
        ({"tenant": "x"}, "acme.tenant is not a known key"),
    ],
)
def test_a_mistake_in_a_provider_is_named_with_what_to_do(keys: JsonObject, said: str) -> None:
    with pytest.raises(SettingsProblem) as raised:
        with_provider(**keys)
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"header": "X Forwarded"}, "proxy.header should be the name of a header"),
        ({"audience": None}, "proxy.audience is missing"),
        ({"jwks": "http://acme.example/keys"}, "proxy.jwks must begin with https://"),
        ({"trust_unsigned": True}, "cannot be combined with trust_unsigned"),
        ({"sign_out_url": "//evil.example"}, "proxy.sign_out_url should be a path"),
        ({"sign_out_url": "/\\evil.example"}, "proxy.sign_out_url should be a path"),
        ({"sign_out_url": "http://acme.example/out"}, "proxy.sign_out_url should be a path"),
    ],
)
def test_a_mistake_in_a_proxy_is_named_with_what_to_do(keys: JsonObject, said: str) -> None:
    table = {name: value for name, value in {**PROXY, **keys}.items() if value is not None}
    with pytest.raises(SettingsProblem) as raised:
        read(proxy=table)
    assert said in str(raised.value)
