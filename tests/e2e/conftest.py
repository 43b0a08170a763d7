import pytest

from support.process import Gateway


@pytest.fixture
def start(tmp_path):
    """Start gateways that are stopped when the test ends."""
    running = []

    def begin(config="", *arguments, **more):
        gateway = Gateway(tmp_path, config, *arguments, **more)
        running.append(gateway)
        return gateway.ready()

    yield begin
    for gateway in running:
        gateway.stop()
