import pytest

from support.admin import Admin

CONFIG = """
keys:
  - {name: ci, hash: "sha256:%s", scopes: [configs.list, configs.read]}
configs:
  pc-declared: {provider: openai}
""" % ("ab" * 32)


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path, CONFIG)
    yield admin
    admin.close()
