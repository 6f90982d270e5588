"""Tokens that end, budgets that are shared, certificates that are wrong, files on other hosts."""

from __future__ import annotations

import ipaddress
import ssl
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from connectors.core.errors import FixConfig, RetryLater, StopRun
from connectors.core.http import Budget, ClientCredentials, HttpClient
from connectors.core.http.reach import refuse_inner_address
from tests.conformance.http_kit import Asked, Server, Told, served

NOW = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
SECRET = "c4nary-s3cret"


class Vendor:
    """Gives tokens one after the other, and answers whoever shows the newest."""

    def __init__(self) -> None:
        self.given = 0
        self.lasts: object = 3600
        self.is_closed = False

    def __call__(self, asked: Asked) -> Told:
        if asked.path == "/token":
            assert asked.body == {
                "grant_type": "client_credentials", "client_id": "me", "client_secret": SECRET,
            }  # fmt: skip
            assert "authorization" not in asked.headers
            self.given += 1
            return Told({"access_token": f"t{self.given}", "expires_in": self.lasts})
        is_welcome = asked.headers.get("authorization") == f"Bearer t{self.given}"
        return Told([1]) if is_welcome and not self.is_closed else Told({}, 401)


@pytest.fixture
def vendor() -> Iterator[tuple[Vendor, Server]]:
    made = Vendor()
    with served(made) as server:
        yield made, server


def client(server: Server, clock: list[datetime]) -> HttpClient:
    auth = ClientCredentials("/token", SecretStr("me"), SecretStr(SECRET))
    return HttpClient(server.url, auth=auth, now=lambda: clock[0], sleep=lambda _: None)


def test_one_token_serves_until_a_minute_before_its_end(vendor: tuple[Vendor, Server]) -> None:
    gives, server = vendor
    clock = [NOW]
    caller = client(server, clock)
    for minutes in (0, 1, 58):
        clock[0] = NOW + timedelta(minutes=minutes)
        caller.get("/x")
    assert gives.given == 1
    clock[0] = NOW + timedelta(minutes=59)
    caller.get("/x")
    assert gives.given == 2


def test_a_token_refused_in_mid_run_is_renewed_once(vendor: tuple[Vendor, Server]) -> None:
    gives, server = vendor
    caller = client(server, [NOW])
    caller.get("/x")
    gives.given += 1  # somebody else's token made ours void
    assert caller.get("/x").body == [1]
    assert gives.given == 3
    gives.is_closed = True
    with pytest.raises(FixConfig, match="401") as raised:
        caller.get("/x")
    assert gives.given == 4
    assert SECRET not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": 7}, [], None])
def test_an_answer_without_a_token_is_told(answer: object) -> None:
    with served(lambda _: Told(answer)) as server, pytest.raises(FixConfig, match="holds none"):
        client(server, [NOW]).get("/x")


def test_a_token_without_an_end_is_kept(vendor: tuple[Vendor, Server]) -> None:
    gives, server = vendor
    gives.lasts = None
    clock = [NOW]
    caller = client(server, clock)
    caller.get("/x")
    clock[0] = NOW + timedelta(days=365)
    caller.get("/x")
    assert gives.given == 1


def test_a_budget_is_kept_over_all_clients_of_an_origin_and_costs_no_call_more() -> None:
    ticks = [0.0]
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        ticks[0] += seconds

    budget = Budget(3, 10.0, ticks=lambda: ticks[0])
    made: list[float] = []

    def app(_: Asked) -> Told:
        made.append(ticks[0])
        return Told([])

    with served(app) as server:
        callers = [HttpClient(server.url, budget=budget, sleep=sleep) for _ in range(2)]
        for number in range(20):
            callers[number % 2].get("/x")
            ticks[0] += 0.5
    for moment in made:
        assert sum(moment - 10.0 < other <= moment for other in made) <= 3
    assert made[-1] < 70.0, "it waits no longer than it must"
    assert budget._try("another origin") == 0.0


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest", "https://10.0.0.1/x", "https://192.168.1.1/x",
        "https://127.0.0.1/x", "https://[::1]/x", "https://[fe80::1]/x", "https://localhost/x",
        "https://[::ffff:10.0.0.1]/x", "https://no-such-host.invalid/x", "http://1.1.1.1/x",
        "file:///etc/passwd", "https://0.0.0.0/x", "https://2130706433/x",
    ],
)  # fmt: skip
def test_a_vendor_cannot_send_us_into_our_own_network(url: str) -> None:
    with pytest.raises(StopRun, match="not on a public https host"):
        refuse_inner_address(url, "https://1.1.1.1/")


def test_a_file_on_another_host_sees_no_credentials() -> None:
    text = b'{"a": 1}\n{"a": 2}\n'
    with served(lambda _: Told(text)) as files, served(lambda _: Told([])) as api:
        caller = HttpClient(api.url, {"Authorization": SecretStr(SECRET)})
        assert list(caller.lines(files.url + "/f?signature=x")) == [b'{"a": 1}', b'{"a": 2}']
        assert "authorization" not in files.asked[0].headers


def test_a_file_that_breaks_off_gives_what_came_and_says_so() -> None:
    with served(lambda _: Told(b"one\ntwo\nthr", cut=9)) as files:
        lines = HttpClient(files.url).lines("/f")
        assert [next(lines), next(lines)] == [b"one", b"two"]
        with pytest.raises(RetryLater, match="broke off"):
            next(lines)


def certificate(folder: Path, host: str, until: datetime) -> ssl.SSLContext:
    """A server's certificate that signs itself; `folder/ca.pem` is what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize(
    ("host", "days", "what"),
    [("127.0.0.1", 10, "good"), ("127.0.0.1", -1, "expired"), ("other.example", 10, "another's")],
)
def test_a_certificate_that_is_wrong_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, days: int, what: str
) -> None:
    until = datetime.now(UTC) + timedelta(days=days)
    server = Server(lambda _: Told([1]), tls=certificate(tmp_path, host, until))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    waited: list[float] = []
    caller = HttpClient(server.url, {"X-Key": SecretStr(SECRET)}, sleep=waited.append)
    try:
        if what == "good":
            assert caller.get("/x").body == [1]
            return
        with pytest.raises(FixConfig, match="SSLError"):
            caller.get("/x")
        assert server.asked == []
        assert waited == []
    finally:
        server.close()
