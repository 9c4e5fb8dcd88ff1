"""The verdict tables in `specs/verdicts` say what the adapters expect, and every ILLEGAL in them has a witness that runs alone."""

from pathlib import Path

import pytest

from tidegate_gate.peers import OURS, VerdictTable, as_json, as_markdown, as_text, judge_peers, main, read
from tidegate_specs.check import Verdict
from tidegate_specs.clauses import CLAUSES
from tidegate_specs.conformance.peers import PEERS
from tidegate_specs.conformance.witnesses import WITNESSES, path_of
from tidegate_specs.extras import UsageError

FILES = sorted((Path(__file__).parents[3] / "specs" / "verdicts").glob("*.json"))
PINNED = {"Aiologic": "0.17.1", "Culsans": "0.11.0", "Janus": "2.0.0"}


def test_there_is_one_for_the_oldest_interpreter_and_one_for_that_of_most_people() -> None:
    assert [file.stem for file in FILES] == ["cpython-3.11", "cpython-3.14"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_table_says_of_each_peer_what_is_expected_of_it(file: Path) -> None:
    table = read(file)
    assert file.stem == f"cpython-{table.python.rpartition('.')[0]}"
    assert [column.name for column in table.columns] == [OURS, *(peer.__name__ for peer in PEERS)]
    for peer, column in zip(PEERS, table.columns[1:], strict=True):
        assert list(column.cells) == [clause.id for clause in CLAUSES]
        assert column.version == PINNED.get(column.name, f"CPython {table.python}")
        illegal = {id_: (cell.expected, cell.link) for id_, cell in column.cells.items() if cell.verdict == "ILLEGAL"}
        assert illegal == {id_: (why.reason, why.link) for id_, why in peer.expected.items()}, (
            "tidegate peers --json FILE renews it"
        )
        for id_ in illegal:
            assert path_of(WITNESSES[column.name, id_]).is_file()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_kernel_is_ok_where_it_was_judged_with_the_others(file: Path) -> None:
    assert {cell.verdict for cell in read(file).columns[0].cells.values()} == {"OK"}


def test_one_peer_from_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "found.json"
    assert main(["DequeMaxlen", "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "collections.deque(maxlen) " in shown
    assert "LOCAL-1       ILLEGAL" in shown
    assert main(["--from", str(file)]) == 0
    assert shown.endswith(capsys.readouterr().out), "what is read back is shown the same"
    assert main(["--from", str(file), "--markdown"]) == 0
    assert "| LOCAL-1 | required | ILLEGAL |" in capsys.readouterr().out


def test_what_is_written_is_read_back() -> None:
    table = read(FILES[0])
    text = as_json(table)
    assert text == FILES[0].read_text("utf-8")
    assert all(column.title in as_text(table) and column.title in as_markdown(table) for column in table.columns)


def test_a_peer_that_is_not_installed_is_unknown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(PEERS[-2], "version", "")
    found, verdict = judge_peers([PEERS[-2].__name__], None)
    assert found.columns == ()
    assert verdict is Verdict.UNKNOWN
    assert capsys.readouterr().out == "janus.Queue: not installed\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Janos"], "no peer Janos; there are tidegate, QueueQueue"),
        (["--from", "no/such.json"], "cannot read no/such.json"),
        (["--from", __file__], "is not what --json writes"),
        (["Janus", "--from", "x.json"], "--from runs nothing"),
        (["--json", "no/such/folder.json"], "no folder"),
    ],
)
def test_bad_input_is_refused(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert told in capsys.readouterr().err


def test_a_table_that_is_no_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_text('{"columns": [{"name": 1}]}')
    with pytest.raises(UsageError, match="is not what --json writes"):
        read(file)
    assert read(FILES[0]).__class__ is VerdictTable


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_page_beside_it_is_what_is_printed_of_it(file: Path) -> None:
    page = file.with_suffix(".md").read_text("utf-8")
    assert page.endswith(f"\n\n{as_markdown(read(file))}\n"), "tidegate peers --from FILE --markdown prints it"
