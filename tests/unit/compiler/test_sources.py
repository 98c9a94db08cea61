"""Servers of type ftp, ftps and sftp in a contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.domain.contract import Contract
from headrace.domain.source import After, Checksum, Complete, Protocol, Source, Tls, offset_seconds, overlap, servers_of
from headrace_compiler import ContractErrors, compile_contract, compile_folder

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: urn:example:parcels
name: parcels
version: 1.0.0
servers:
  - server: landing
    type: s3
    location: s3://{landing}/parcels/
    format: csv
  - server: carrier
    type: sftp
    location: sftp://files.example.com/out/*/parcels-?.csv
    customProperties:
      - property: secret
        value: carrier
      - property: completeWhen
        value: stable
  - server: warehouse
    type: redshift
schema:
  - name: parcels
    properties:
      - name: parcel
        logicalType: string
"""
SOURCE = Source("carrier", "parcels", Protocol.SFTP, "files.example.com", 22, "/*")
LOCATION = "sftp://files.example.com/out/*/parcels-?.csv"
IMPLICIT = "      - property: tls\n        value: implicit\n"
MORE = "      - property: completeWhen\n        value: stable\n"


def compiled(folder: Path, text: str = CONTRACT, name: str = "parcels") -> Contract:
    path = folder / f"{name}.odcs.yaml"
    path.write_text(text)
    return compile_contract(path)


def test_a_source_with_its_defaults(tmp_path: Path) -> None:
    (source,) = compiled(tmp_path).sources
    assert source == Source(
        "carrier", "parcels", Protocol.SFTP, "files.example.com", 22, "/out/*/parcels-?.csv", "carrier"
    )
    assert (source.fixed_folder, source.segments) == ("/out", ("out", "*", "parcels-?.csv"))


def test_every_option(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "completeWhen": "marker", "marker": ".md5", "afterwards": "move", "moveTo": "/taken", "checksum": "required",
        "timezone": "Asia/Tokyo", "connections": 4, "timeoutSeconds": 60, "breakerFailures": 5, "patienceMinutes": 90,
    }  # fmt: skip
    lines = "".join(f"      - property: {name}\n        value: {value}\n" for name, value in values.items())
    text = CONTRACT.replace(MORE, lines).replace(LOCATION, "sftp://files.example.com:2222/*")
    (source,) = compiled(tmp_path, text).sources
    assert (source.port, source.complete, source.marker) == (2222, Complete.MARKER, ".md5")
    assert (source.after, source.move_to, source.checksum) == (After.MOVE, "/taken", Checksum.REQUIRED)
    assert (source.timezone, source.connections, source.timeout_seconds) == ("Asia/Tokyo", 4, 60)
    assert (source.breaker_failures, source.patience_seconds) == (5, 5400)


def test_it_survives_the_way_to_the_functions(tmp_path: Path) -> None:
    contract = compiled(tmp_path)
    assert Contract.from_json(contract.to_json()) == contract


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("server: carrier", "server: The Carrier", "a server's name stands in keys"),
        (LOCATION, "ftp://files.example.com/*.csv", "location must be sftp://"),
        (LOCATION, "sftp://user:word@files.example.com/*.csv", "belong into the secret"),
        (LOCATION, "sftp://files.example.com:port/*.csv", "location must be"),
        (LOCATION, "sftp://files.example.com/out/", "must end in a pattern"),
        (LOCATION, "sftp://files.example.com/**/*.csv", "** is not supported"),
        (LOCATION, "sftp://files.example.com/../*.csv", "without . or .."),
        (LOCATION, f"{LOCATION}\n    format: csv", "the format belongs to the s3 server"),
        (LOCATION, f"{LOCATION}\n    host: example.com", "the host is part of location"),
        ("value: carrier", "value: headrace/sources/carrier", "so that each stack has its own: carrier"),
        ("value: carrier", "value: /carrier", "secret must be what follows <stack>/sources/ in the secret's name"),
        ("value: carrier", "value: car rier", "secret must be what follows"),
        ("      - property: secret\n        value: carrier\n", "", "needs the customProperty secret"),
        ("value: stable", "value: sometimes", "completeWhen must be one of stable, rename, marker"),
        (MORE, "      - property: marker\n        value: .ok\n", "marker belongs to completeWhen: marker"),
        (MORE, "      - property: afterwards\n        value: move\n", "moveTo belong together"),
        (MORE, "      - property: timezone\n        value: Mars/Olympus\n", "timezone 'Mars/Olympus' is not known"),
        (MORE, "      - property: connections\n        value: 0\n", "whole number from 1 to 10"),
        (MORE, "      - property: patience\n        value: 1\n", "did you mean 'patienceMinutes'?"),
        (MORE, "      - property: quote\n        value: x\n", "belongs to the s3 server"),
        ("type: sftp", "type: tftp", "servers of type 'tftp' are not supported: s3, redshift, ftp, ftps, sftp"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ContractErrors) as caught:
        compiled(tmp_path, CONTRACT.replace(old, new))
    (error,) = [item for item in caught.value.errors if says in item.reason]
    assert 11 <= error.line <= 20


def test_implicit_tls_has_a_port_of_its_own_and_is_asked_for(tmp_path: Path) -> None:
    text = CONTRACT.replace("type: sftp", "type: ftps").replace(LOCATION, "ftps://files.example.com/*.csv")
    assert compiled(tmp_path, text).sources[0].port == 21
    (source,) = compiled(tmp_path, text.replace(MORE, IMPLICIT)).sources
    assert (source.port, source.tls) == (990, Tls.IMPLICIT)
    with pytest.raises(ContractErrors, match="port 990 speaks TLS from the first byte: add the customProperty tls"):
        compiled(tmp_path, text.replace("example.com/", "example.com:990/"))
    with pytest.raises(ContractErrors, match="tls belongs to servers of type ftps"):
        compiled(tmp_path, CONTRACT.replace(MORE, IMPLICIT))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("files.example.com", "other.example.com", "is another machine"),
        ("server: carrier", "server: somebody", "is called 'carrier' here and 'somebody'"),
    ],
)
def test_contracts_agree_about_a_server(tmp_path: Path, old: str, new: str, says: str) -> None:
    compiled(tmp_path)
    other = CONTRACT.replace("parcels", "letters").replace(old, new)
    (tmp_path / "letters.odcs.yaml").write_text(other)
    with pytest.raises(ContractErrors, match=says):
        compile_folder(tmp_path)


def test_two_datasets_share_a_server(tmp_path: Path) -> None:
    compiled(tmp_path)
    (tmp_path / "letters.odcs.yaml").write_text(CONTRACT.replace("parcels", "letters"))
    (server,) = servers_of(source for contract in compile_folder(tmp_path) for source in contract.sources)
    assert [source.dataset for source in server.sources] == ["letters", "parcels"]


OTHER = CONTRACT.replace("parcels", "letters").replace("letters-?", "parcels-?")
MOVED = "      - property: afterwards\n        value: move\n      - property: moveTo\n        value: {}\n"


def test_two_datasets_may_read_the_same_file_but_none_may_remove_it(tmp_path: Path) -> None:
    compiled(tmp_path)
    (tmp_path / "letters.odcs.yaml").write_text(OTHER)
    assert len(compile_folder(tmp_path)) == 2
    (tmp_path / "letters.odcs.yaml").write_text(OTHER.replace(MORE, MOVED.format("/taken")))
    with pytest.raises(ContractErrors, match="can mean the same file: one would remove it before the other"):
        compile_folder(tmp_path)


def test_one_dataset_does_not_take_a_file_twice(tmp_path: Path) -> None:
    start, end = CONTRACT.index("  - server: carrier"), CONTRACT.index("  - server: warehouse")
    again = CONTRACT[start:end].replace("parcels-?.csv", "*-1.csv")
    with pytest.raises(ContractErrors, match="which would be taken twice"):
        compiled(tmp_path, CONTRACT[:end] + again + CONTRACT[end:])
    compiled(tmp_path, CONTRACT[:end] + again.replace("/out/", "/in/") + CONTRACT[end:])


@pytest.mark.parametrize("folder", ["/out/taken", "/out/taken/"])
def test_files_are_not_moved_to_where_they_would_be_found_again(tmp_path: Path, folder: str) -> None:
    compiled(tmp_path, CONTRACT.replace(MORE, MOVED.format("/taken")))
    with pytest.raises(ContractErrors, match="must not be a folder that files are fetched from"):
        compiled(tmp_path, CONTRACT.replace(MORE, MOVED.format(folder)))


LETTERS = st.text("ab*?", min_size=1, max_size=6)


@given(LETTERS, LETTERS, st.text("ab", min_size=1, max_size=6))
def test_patterns_that_share_a_name_overlap(one: str, other: str, name: str) -> None:
    first, second = (replace(SOURCE, location=f"/{pattern}") for pattern in (one, other))
    if first.covers(f"/{name}") and second.covers(f"/{name}"):
        assert overlap(first, second)
        assert overlap(second, first)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("/a/*.csv", "/a/*.txt", False),
        ("/a/*.csv", "/b/*.csv", False),
        ("/a/*.csv", "/*/x*", True),
        ("/a/x-?.csv", "/a/x-10.csv", False),
        ("/a/[ab].csv", "/a/c.csv", True),
        ("/a.csv", "/a/a.csv", False),
    ],
)
def test_whether_two_locations_can_mean_one_file(one: str, other: str, meet: bool) -> None:
    assert overlap(replace(SOURCE, location=one), replace(SOURCE, location=other)) is meet


def test_a_servers_moment_in_the_round_is_its_own_and_stays() -> None:
    offsets = [offset_seconds(f"server-{number}", 600) for number in range(50)]
    assert all(0 <= offset <= 600 for offset in offsets)
    assert len(set(offsets)) > 40
    assert offset_seconds("server-1", 600) == offsets[1]
    assert offset_seconds("server-1", 0) == 0


def test_what_the_dataset_ignores_is_ignored_on_its_servers_too(tmp_path: Path) -> None:
    ignored = 'format: csv\n    customProperties:\n      - property: ignore\n        value: ["x_*"]'
    made = compiled(tmp_path, CONTRACT.replace("format: csv", ignored, 1))
    assert made.sources[0].ignore == made.ignore == ("x_*",)
    assert Contract.from_json(json.loads(json.dumps(made.to_json()))) == made
