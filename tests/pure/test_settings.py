"""Secrets and environment: each mistake is named with its remedy, and no value is ever repeated."""

import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from blnk_api import settings
from blnk_api.errors import SettingsProblem
from blnk_api.settings import PRACTICE, Instance, OAuth, Settings

SECRET = "blnk_at_s3cr3t"
GOOD = {"instance_id": '"ins_1"', "access_token": f'"{SECRET}"'}

CLOUD = "https://api.cloud.blnkfinance.com"


def secrets_file(folder: Path, text: str) -> Path:
    path = folder / "secrets.toml"
    path.write_text(text)
    return path


def load(folder: Path, text: str, **environ: str) -> Settings:
    chosen = {"BLNK_SECRETS_FILE": str(secrets_file(folder, text)), "BLNK_DATA_DIR": str(folder / "data")}
    return settings.load({**chosen, **environ})


def connection(**keys: str | None) -> str:
    """A [connections.acme] table that works, with these keys changed; None leaves one out."""
    table = {key: value for key, value in {**GOOD, **keys}.items() if value is not None}
    return "[connections.acme]\n" + "".join(f"{key} = {value}\n" for key, value in table.items())


def problem(folder: Path, text: str, **environ: str) -> str:
    """What the person reads; nothing that a log would hold of it repeats the secret."""
    with pytest.raises(SettingsProblem) as raised:
        load(folder, text, **environ)
    logged = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert "s3cr3t" not in logged
    return str(raised.value)


def test_a_connection_needs_no_more_than_an_instance_and_a_token(tmp_path: Path) -> None:
    one = load(tmp_path, connection()).connections["acme"]

    assert one.instance == Instance(CLOUD, "ins_1", "production")
    assert (one.label, one.url, one.credentials) == ("acme", CLOUD, SECRET)
    assert (one.requests_per_minute, one.request_timeout_seconds) == (5_000, 30.0)
    assert one.is_production
    assert not one.is_practice


def test_every_key_of_a_connection_is_used(tmp_path: Path) -> None:
    text = connection(
        label='"Acme (test)"',
        base_url='"https://blnk.acme.example:8443/cloud/"',
        environment='"sandbox"',
        requests_per_minute="100",
        request_timeout_seconds="7.5",
        custom_currencies='["POINTS", "MILES"]',
        notify='["json://s3cr3t@hook.example/a", "mailto://s3cr3t"]',
        access_token=None,
        client_id='"client_1"',
        client_secret=f'"{SECRET}"',
        refresh_token=f'"rt_{SECRET}"',
    )

    one = load(tmp_path, text).connections["acme"]

    assert one.label == "Acme (test)"
    assert one.instance == Instance("https://blnk.acme.example:8443/cloud", "ins_1", "sandbox")
    assert (one.requests_per_minute, one.request_timeout_seconds) == (100, 7.5)
    assert one.custom_currencies == {"POINTS", "MILES"}
    assert one.notify == ("json://s3cr3t@hook.example/a", "mailto://s3cr3t")
    assert "s3cr3t" not in repr(one)
    assert one.credentials == OAuth("client_1", SECRET, f"rt_{SECRET}")
    assert not one.is_production


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"instance_id": None}, "connections.acme.instance_id is missing"),
        ({"instance_id": '""'}, "connections.acme.instance_id should be text"),
        ({"instance_id": "7"}, "connections.acme.instance_id should be text"),
        ({"instance_id": '"ins 1"'}, "connections.acme.instance_id contains a space"),
        ({"access_token": None}, "connections.acme.access_token is missing"),
        ({"access_token": '"blnk_at s3cr3t"'}, "connections.acme.access_token contains a space"),
        ({"access_token": r'"blnk_at_s3cr3t\n"'}, "connections.acme.access_token contains a space"),
        ({"access_token": r'"blnk_at_s3cr3t\u0000"'}, "connections.acme.access_token contains a space"),
        ({"access_token": '"blnk_at_s3cr3t…"'}, "connections.acme.access_token contains a space"),
        ({"access_token": '["blnk_at_s3cr3t"]'}, "connections.acme.access_token should be text"),
        ({"acces_token": f'"{SECRET}"'}, "connections.acme.acces_token is not a known key"),
        ({"client_id": '"c"'}, "connections.acme.access_token cannot be combined with client_id"),
        (
            {"access_token": None, "client_id": '"c"', "client_secret": f'"{SECRET}"'},
            "connections.acme.refresh_token is missing",
        ),
        ({"base_url": '"http://s3cr3t.example"'}, "connections.acme.base_url must begin with https://"),
        ({"base_url": '"http://127.0.0.1.s3cr3t.example"'}, "connections.acme.base_url must begin with"),
        ({"base_url": '"s3cr3t.example"'}, "connections.acme.base_url should look like https://host"),
        ({"base_url": '"ftp://s3cr3t.example"'}, "connections.acme.base_url should look like"),
        ({"base_url": '"https://"'}, "connections.acme.base_url should look like"),
        ({"base_url": '"https://host:s3cr3t"'}, "connections.acme.base_url should look like"),
        ({"base_url": '"https://[s3cr3t"'}, "connections.acme.base_url should look like"),
        ({"base_url": '"https://me:s3cr3t@host"'}, "connections.acme.base_url should look like"),
        ({"base_url": '"https://host/?key=s3cr3t"'}, "connections.acme.base_url should look like"),
        ({"base_url": '"https://host s3cr3t"'}, "connections.acme.base_url should look like"),
        ({"environment": '"s3cr3t"'}, 'connections.acme.environment should be "production" or "sandbox"'),
        ({"environment": '"practice"'}, "connections.acme.environment should be"),
        ({"requests_per_minute": '"5000"'}, "connections.acme.requests_per_minute should be a number"),
        ({"requests_per_minute": "0"}, "connections.acme.requests_per_minute should be a number from 1"),
        ({"requests_per_minute": "true"}, "connections.acme.requests_per_minute should be a number"),
        ({"request_timeout_seconds": "nan"}, "connections.acme.request_timeout_seconds should be a number"),
        ({"request_timeout_seconds": "601"}, "connections.acme.request_timeout_seconds should be a number"),
        ({"custom_currencies": '"POINTS"'}, "connections.acme.custom_currencies should be a list"),
        ({"notify": '"json://s3cr3t"'}, "connections.acme.notify should be a list of at most 20 addresses"),
        ({"notify": '["s3cr3t"]'}, "connections.acme.notify should be a list"),
        ({"notify": '["json://s3cr3t s3cr3t"]'}, "connections.acme.notify should be a list"),
        ({"notify": "[7]"}, "connections.acme.notify should be a list"),
        ({"custom_currencies": '["TWO WORDS"]'}, "connections.acme.custom_currencies should be a list"),
        ({"label": '" "'}, "connections.acme.label should be text"),
    ],
)
def test_a_wrong_secret_is_named_with_what_to_do_and_never_shown(
    tmp_path: Path, keys: dict[str, str | None], said: str
) -> None:
    assert said in problem(tmp_path, connection(**keys))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('connections = "s3cr3t"', "[connections.NAME]"),
        ('[connections]\nacme = "s3cr3t"', "[connections.acme]"),
        ("[connections.practice]\ninstance_id = 's3cr3t'", "cannot be named practice"),
        ('practice = "s3cr3t"', "practice must be true or false"),
        ('[connections.acme]\naccess_token = "s3cr3t', "not valid TOML"),
        ("[connections.acme]\naccess_token = s3cr3t", "not valid TOML"),
    ],
)
def test_a_malformed_file_is_reported_without_quoting_it(tmp_path: Path, text: str, said: str) -> None:
    assert said in problem(tmp_path, text)


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_bytes(b"\xff\xfes3cr3t")

    with pytest.raises(SettingsProblem, match="not valid TOML"):
        settings.load({"BLNK_SECRETS_FILE": str(path)})


def test_a_chosen_secrets_file_that_cannot_be_read_does_not_slip_into_practice(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match=r"BLNK_SECRETS_FILE names .*missing\.toml"):
        settings.load({"BLNK_SECRETS_FILE": str(tmp_path / "missing.toml")})
    with pytest.raises(SettingsProblem, match="cannot be read"):
        settings.load({"BLNK_SECRETS_FILE": str(tmp_path)})


def test_other_tables_of_the_file_are_ignored(tmp_path: Path) -> None:
    text = 'password = "x"\n[auth]\nclient_secret = 7\n[connection]\nbase_url = "nonsense"\n' + connection()

    assert set(load(tmp_path, text).connections) == {"acme", PRACTICE}


def test_plain_http_is_for_this_machine_only(tmp_path: Path) -> None:
    for host in ("127.0.0.1:8700", "localhost", "[::1]:80"):
        one = load(tmp_path, connection(base_url=f'"http://{host}"')).connections["acme"]
        assert one.url == f"http://{host}"


def test_practice_is_offered_unless_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    nothing_configured = settings.load({})

    assert set(nothing_configured.connections) == {PRACTICE}
    practice = nothing_configured.connections[PRACTICE]
    assert (practice.is_practice, practice.is_production, practice.url) == (True, False, "")
    assert nothing_configured.data_dir == tmp_path / ".data"
    assert set(load(tmp_path, "practice = false\n" + connection()).connections) == {"acme"}
    assert set(load(tmp_path, "practice = false\n").connections) == set()


def test_an_app_without_a_sender_of_its_own_offers_no_practice(
    tmp_path: Path,
) -> None:
    elsewhere = {"BLNK_SENDER": "elsewhere"}
    chosen = load(tmp_path, connection(), **elsewhere)
    assert (chosen.sender_elsewhere, set(chosen.connections)) == (True, {"acme"})
    assert load(tmp_path, connection()).sender_elsewhere is False
    assert "practice must be false" in problem(tmp_path, "practice = true\n" + connection(), **elsewhere)
    assert "BLNK_SENDER should be elsewhere" in problem(tmp_path, connection(), BLNK_SENDER="here")


def test_practice_is_reached_at_its_last_announced_address(tmp_path: Path) -> None:
    told = '{"url": "http://127.0.0.1:9", "port": 9, "pid": 1, "instance_id": "ins_p", "token": "t"'
    folder = tmp_path / "data" / "practice"
    folder.mkdir(parents=True)
    (folder / "running.json").write_text(told + ', "core_key": "c", "door_key": "d"}')

    practice = load(tmp_path, "").connections[PRACTICE]

    assert practice.instance == Instance(PRACTICE, "ins_p", "practice")
    assert (practice.url, practice.credentials) == ("http://127.0.0.1:9", "t")


def test_the_environment_overrides_folders_and_files(tmp_path: Path) -> None:
    one = load(tmp_path, "")
    elsewhere = load(tmp_path, "", BLNK_DATABASE_URL="postgresql://desk:s3cr3t@db/desk")

    assert one.database_url == f"sqlite:///{tmp_path}/data/journal.db"
    assert elsewhere.database_url == "postgresql://desk:s3cr3t@db/desk"


def test_the_databases_password_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cr3t@/:%\n")
    url = "postgresql://desk@db:5432/desk?sslmode=require"
    found = load(tmp_path, "", BLNK_DATABASE_URL=url, BLNK_DATABASE_PASSWORD_FILE=f"{tmp_path}/password")

    assert make_url(found.database_url) == make_url(url).set(password="s3cr3t@/:%")
    assert "s3cr3t" not in repr(found)
    for said, why in (
        (
            {"BLNK_DATABASE_URL": url, "BLNK_DATABASE_PASSWORD_FILE": "/nowhere"},
            "cannot be read: No such file",
        ),
        ({"BLNK_DATABASE_PASSWORD_FILE": f"{tmp_path}/password"}, "Set both."),
    ):
        assert why in problem(tmp_path, "", **said)


def test_each_wait_can_be_set(tmp_path: Path) -> None:
    waits = load(tmp_path, "", BLNK_WAIT_CONNECT="0.5", BLNK_WAIT_SETTLE_LEAST="2").waits

    assert (waits.connect, waits.settle_least, waits.claim_good) == (0.5, 2.0, 5.0)
    for wrong in ("soon", "-1", "nan", "inf"):
        assert problem(tmp_path, "", BLNK_WAIT_CONNECT=wrong).startswith("BLNK_WAIT_CONNECT should be")


def test_an_import_finds_the_connection_that_means_its_instance_today(tmp_path: Path) -> None:
    known = load(tmp_path, connection())
    instance = known.connections["acme"].instance

    assert known.connection_of(instance) is known.connections["acme"]
    assert known.connection_of(replace(instance, instance_id="ins_2")) is None
    assert known.connection_of(replace(instance, environment="sandbox")) is None


def test_printed_settings_contain_no_secret(tmp_path: Path) -> None:
    oauth = connection(
        access_token=None, client_id='"c"', client_secret=f'"{SECRET}"', refresh_token=f'"{SECRET}"'
    )
    for text in (connection(), oauth):
        loaded = load(tmp_path, text, BLNK_DATABASE_URL="postgresql://desk:s3cr3t@db/desk")
        printed = f"{loaded} {loaded.connections['acme'].credentials if text is oauth else ''}"
        assert "s3cr3t" not in printed
