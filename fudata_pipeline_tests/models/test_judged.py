"""What people have judged holds: in the next build, in one of everything, and after entities have merged or come apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from fudata_pipeline.models import base as base_module
from fudata_pipeline.models.base import build_base
from fudata_pipeline.models.state import read_state
from fudata_pipeline.project import Project
from fudata_pipeline.settings import now

from ..district import LI, WANG, ZHANG, write_residents
from .people import ACCOMMODATION, PERMIT, PETITION, RESIDENTS, entity_of, linked, rows_of, settle_in, take_in, write


def _judge(project: Project, subject: str, entity: str, verdict: str) -> None:
    told = {"base_table": "population", "subject": subject, "entity": entity, "verdict": verdict}
    project.registry.record_match_judgements(told | {"judge": "测试", "note": None, "judged_at": now()})
    assert build_base(project, project.catalog.base("population")).changed


def _everything_anew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_module, "CODE", f"{base_module.CODE}, another version, builds everything anew")
    assert build_base(project, project.catalog.base("population")).changed


def _asked(project: Project) -> tuple[str, str, str]:
    """The record that waits for a person, its best candidate and the second."""
    [row] = rows_of(project, "base.population_review", "record, entity_id, second")
    return row


def test_a_row_judged_the_same_is_linked_and_one_judged_different_is_not(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(project, "王伟")
    record, best, second = _asked(project)
    assert {best, second} == {entity_of(project, ZHANG), entity_of(project, LI)} and linked(project, PETITION) == [None]
    _judge(project, f"row:{record}", second, "same")
    assert linked(project, PETITION) == [second]
    _judge(project, f"row:{record}", second, "different")
    assert linked(project, PETITION) == [best]  # nobody else is left to doubt
    _judge(project, f"row:{record}", best, "different")
    assert linked(project, PETITION) == [None]
    assert rows_of(project, "base.population_review", "*") == []
    _everything_anew(project, monkeypatch)
    assert linked(project, PETITION) == [None]
    _judge(project, f"row:{record}", best, "same")
    _everything_anew(project, monkeypatch)
    assert linked(project, PETITION) == [best]


def test_the_newest_of_two_answers_about_a_row_holds(project: Project) -> None:
    settle_in(project, "王伟")
    record, best, second = _asked(project)
    for entity in (best, second, best):
        _judge(project, f"row:{record}", entity, "same")
        assert linked(project, PETITION) == [entity]


def test_an_unsure_answer_leaves_the_row_waiting(project: Project) -> None:
    settle_in(project, "王伟")
    record, best, second = _asked(project)
    _judge(project, f"row:{record}", second, "different")
    assert linked(project, PETITION) == [best]
    _judge(project, f"row:{record}", best, "unsure")
    assert linked(project, PETITION) == [None] and _asked(project)[:2] == (record, best)


def test_a_row_goes_with_the_entity_that_its_own_was_merged_into(project: Project) -> None:
    settle_in(project, "王伟")
    record, *_ = _asked(project)
    zhang, li = entity_of(project, ZHANG), entity_of(project, LI)
    _judge(project, f"row:{record}", zhang, "same")
    _judge(project, f"entity:{zhang}", li, "same")
    assert linked(project, PETITION) == [li]
    _judge(project, f"entity:{zhang}", li, "different")
    assert linked(project, PETITION) == [zhang]


def test_a_row_of_an_entity_that_is_no_more_founds_none(project: Project) -> None:
    settle_in(project, "王伟")
    record, *_ = _asked(project)
    zhang = entity_of(project, ZHANG)
    _judge(project, f"row:{record}", zhang, "same")
    write_residents(project.settings.inbox_dir, RESIDENTS[1:], "居住人口登记_2.csv")
    take_in(project, "zsj.resident_registration")
    assert zhang not in [e for (e,) in rows_of(project, "base.population", "entity_id")]
    assert linked(project, PETITION) == [entity_of(project, LI)]


def test_identifiers_come_apart_and_together_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(project, "赵钱孙")
    wang = entity_of(project, WANG)
    assert linked(project, PERMIT) == linked(project, ACCOMMODATION) == [wang]
    [(document,)] = rows_of(
        project, "base.population_record", "format('{:016x}', md5_number_lower('population:exit_entry_doc_no:H12345678'))", "LIMIT 1"
    )  # fmt: skip
    for _ in range(2):
        _judge(project, f"entity:{document}", wang, "different")
        assert (linked(project, PERMIT), linked(project, ACCOMMODATION)) == ([wang], [document])
        assert rows_of(project, "base.population_merge", 'kind, entity, "into"')[-1] == ("split", wang, document)
        _judge(project, f"entity:{document}", wang, "same")
        assert linked(project, PERMIT) == linked(project, ACCOMMODATION) == [wang]
        assert rows_of(project, "base.population_merge", 'kind, entity, "into"')[-1] == ("merge", document, wang)
    _judge(project, f"entity:{document}", wang, "different")
    _everything_anew(project, monkeypatch)
    assert (linked(project, PERMIT), linked(project, ACCOMMODATION)) == ([wang], [document])


def test_an_entity_keeps_its_id_when_its_first_identifier_is_gone(project: Project) -> None:
    """Known by a travel document first, then by both identifiers, then by the resident id alone."""
    guest = {"record_no": "FT1", "person_name": "欧阳铁柱", "exit_entry_doc_no": "H12345678"}
    write(project, ACCOMMODATION, guest)
    take_in(project, ACCOMMODATION)
    [(first,)] = rows_of(project, "base.population", "entity_id")
    both = {"certificate_no": "FT1", "resident_id": WANG, "person_name": "欧阳铁柱", "exit_entry_doc_no": "H12345678"}
    write(project, PERMIT, both)
    take_in(project, PERMIT)
    assert entity_of(project, WANG) == first
    write(project, ACCOMMODATION, guest | {"exit_entry_doc_no": "H87654321", "person_name": "别人"})
    write(project, PERMIT, both | {"exit_entry_doc_no": ""})
    take_in(project, ACCOMMODATION, PERMIT)
    assert entity_of(project, WANG) == first


def test_a_forgotten_model_is_learned_anew_once(project: Project) -> None:
    settle_in(project, "王伟")
    base = project.catalog.base("population")
    before = read_state(project, base)
    project.registry.forget_model("population", "测试", now())
    assert build_base(project, base).changed
    after = read_state(project, base)
    assert before and after and before.model != after.model and (before.forgotten, after.forgotten) == (0, 1)
    assert not build_base(project, base).changed
    _judge(project, f"row:{_asked(project)[0]}", entity_of(project, LI), "same")
    last = read_state(project, base)
    assert last and (last.model, last.judged) == (after.model, 1) and Path(last.model).suffix == ".json"
