import pytest

from support.admin import Admin

CONFIG = """
keys:
  - {name: ci, hash: "sha256:%s", scopes: [configs.list, configs.read]}
configs:
  pc-declared: {provider: openai}
providers:
  declared: {provider: sim}
egress:
  allow: [allowed.example.com, other.example.com]
""" % ("ab" * 32)


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path, CONFIG, ANTHROPIC_API_KEY="sk-ant-of-the-environment")
    yield admin
    admin.close()
