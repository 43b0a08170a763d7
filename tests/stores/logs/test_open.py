"""stores/logs/open: a log is opened by its URL, and no sentence shows what stands in one."""

import pytest

from lockgate.stores.logs.open import open_log, wrong_with
from lockgate.stores.ports import StoreError
from support.log_records import full


def test_without_a_url_it_is_in_the_data_directory(tmp_path):
    log = open_log("", tmp_path, report=pytest.fail)
    log.append([full(1)])
    log.close()
    assert [path.name for path in (tmp_path / "log").glob("*.db")] == ["2026-11-25.db"]


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "geheim", "://geheim", "sqlite:///geheim"])
def test_a_url_of_another_kind_is_refused_without_showing_it(tmp_path, url):
    with pytest.raises(StoreError) as refused:
        open_log(url, tmp_path, report=pytest.fail)
    assert "geheim" not in str(refused.value)
    assert wrong_with(url) == str(refused.value)
    assert wrong_with("") == ""
