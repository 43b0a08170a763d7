from pathlib import Path

import pytest
import yaml

from lockgate.control.config import read_text
from lockgate.providers.docs import KINDS, page, render, write
from lockgate.providers.table import TABLE, read_table

FOLDER = Path(__file__).parents[2] / "docs/providers"


@pytest.mark.parametrize("name", render())
def test_the_pages_are_those_of_the_table(name):
    assert FOLDER.joinpath(name).read_text("utf-8") == render()[name], "python -m lockgate.providers.docs docs/providers"


def test_no_page_is_left_of_a_provider_that_is_gone():
    assert {path.name for path in FOLDER.glob("*.md")} == set(render())


def test_every_kind_of_provider_is_in_the_index():
    assert {row.kind for row in TABLE.values()} == set(KINDS)
    assert all(f"({slug}.md)" in render()["README.md"] for slug in TABLE)


@pytest.mark.parametrize("row", [row for row in TABLE.values() if not row.builtin], ids=lambda row: row.slug)
def test_the_example_of_a_page_is_a_configuration(row):
    example = page(row).split("```yaml\n")[1].split("```")[0]
    config = read_text(example, dict.fromkeys(row.env, "k"))
    assert set(config.providers) == {row.slug}
    assert yaml.safe_load(example)


def test_a_page_says_what_is_spelt_otherwise(tmp_path):
    text = page(TABLE["mistral-ai"])
    assert "`max_completion_tokens` is called `max_tokens`" in text
    assert "The role `developer` becomes `system`" in text
    assert "`stream_options`" in text
    assert "`reasoning_effort: none` is said by `thinking: {'type': 'disabled'}`" in page(TABLE["deepseek"])
    assert len(text) < 2500


def test_pages_of_providers_that_are_gone_are_removed(tmp_path):
    (tmp_path / "gone.md").write_text("")
    write(tmp_path, read_table('[new]\nname = "New"\ndocs = "https://new"\nbase_url = "https://new"\nenv = ["K"]', "hosts"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "new.md"]
