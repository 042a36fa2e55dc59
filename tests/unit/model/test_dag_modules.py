"""Names of the modules of DAG files."""

from __future__ import annotations

from bide.model.dag_modules import module_name, shown


def test_two_files_of_one_name_are_two_modules() -> None:
    one, other = module_name("/dags/a/etl.py"), module_name("/dags/b/etl.py")
    assert one != other
    assert one.isidentifier()
    assert module_name("/dags/etl-2.v1.py").isidentifier()


def test_people_see_the_name_of_the_file() -> None:
    name = module_name("/dags/etl-2.py")
    assert shown(f"{name}.Look") == "etl_2.Look"
    assert shown(f"in {name}.A and x{name}.B: {name}") == f"in etl_2.A and x{name}.B: etl_2"
    assert shown("bide_dag_of_mine.Look") == "bide_dag_of_mine.Look"
    assert shown("") == ""
