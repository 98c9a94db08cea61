"""What is deployed: no module that nothing runs, and no modules that import each other in a circle."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import grimp

from scripts.layer_contents import ROOT, contents, modules, reached


def test_every_module_in_the_layer_is_run_by_a_function_or_by_the_command_line() -> None:
    graph = grimp.build_graph("headrace", "headrace_cli", "headrace_compiler")
    for module in set(modules_of_the_checkout()) - reached():
        users = graph.find_downstream_modules(module)
        assert any(user.startswith(("headrace_cli", "headrace_compiler")) for user in users), module


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("headrace", "headrace_cli", "headrace_compiler", "headrace_local")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(list(TopologicalSorter(imports).static_order())) >= len(imports)  # a circle raises


def test_functions_reach_what_they_import_within_functions_too() -> None:
    assert {"headrace.usecases.make_loader", "headrace.built_for", "headrace.transform.readers"} <= reached()
    assert "headrace.usecases.recovery.erase" not in reached()


def test_a_build_is_read_without_its_byte_code(tmp_path: Path) -> None:
    package = tmp_path / "Layer" / "python" / "headrace"
    (package / "domain").mkdir(parents=True)
    (package / "domain" / "lane.py").write_text("abc")
    (package / "domain" / "lane.pyc").write_text("abcdef")
    (package / "__init__.py").write_text("")
    (tmp_path / "Layer" / "python" / "six.py").write_text("12345")
    found = contents(tmp_path)
    assert {name: (counts["files"], counts["bytes"]) for name, counts in found.items()} == {
        "Layer/headrace": (2, 3),
        "Layer/six.py": (1, 5),
    }
    assert modules(tmp_path) == ["headrace", "headrace.domain.lane"]


def modules_of_the_checkout() -> list[str]:
    package = ROOT / "layers" / "headrace" / "headrace"
    names = (path.relative_to(package.parent).with_suffix("").parts for path in package.rglob("*.py"))
    return [".".join(parts).removesuffix(".__init__") for parts in names]
