"""How the dashboard is served: what the server refuses, and when kernels end."""

import asyncio
import re
import socket
from importlib.resources import files
from types import SimpleNamespace

import pytest

from workbench.errors import OptionError
from workbench.serving import Serving, free_port
from workbench.serving.kernels import WorkbenchKernelManager
from workbench.serving.server import configuration


def test_a_free_port_is_taken_as_it_is():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert free_port("127.0.0.1", port) == port


def test_the_next_port_is_taken_when_one_is_in_use():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert free_port("127.0.0.1", port) > port


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(OptionError, match="Cannot listen"):
        free_port("192.0.2.1", 8866)


def test_the_server_serves_no_files_and_limits_uploads():
    config = configuration(Serving(max_upload_mb=7))
    assert config.VoilaConfiguration.file_allowlist == []
    assert config.VoilaConfiguration.strip_sources is True
    assert config.Voila.ip == "127.0.0.1"
    assert config.Voila.tornado_settings["websocket_max_message_size"] == 9 * 2**20


def test_the_page_links_to_nothing_outside():
    template = files("workbench") / "serving/share/voila/templates/workbench/index.html.j2"
    links = re.findall(r"(?:src|href)\s*=\s*[\"']([^\"']+)", template.read_text("utf-8"))
    assert all(link.startswith("data:") for link in links)
    for path in (files("workbench") / "widgets").iterdir():
        if path.name.endswith((".js", ".css")):
            text = path.read_text("utf-8").replace("http://www.w3.org/", "")
            assert "http" not in text, path.name


class Manager(WorkbenchKernelManager):
    """The manager without kernels: records which would end."""

    def __init__(self):
        super().__init__()
        self.ended, self.culled = [], []

    async def shutdown_kernel(self, kernel_id, *_args, **_kwargs):
        self.ended.append(kernel_id)

    def add(self, kernel_id):
        self._kernels[kernel_id] = SimpleNamespace(last_activity=None)
        self._kernel_connections[kernel_id] = 0


@pytest.fixture
def manager(monkeypatch):
    culled = []

    async def cull(_self, kernel_id):
        culled.append(kernel_id)

    monkeypatch.setattr(WorkbenchKernelManager.__mro__[1], "cull_kernel_if_idle", cull)
    made = Manager()
    made.culled = culled
    made.grace = 0.05
    made.add("k")
    return made


def test_a_kernel_that_waits_for_its_first_page_is_never_culled(manager):
    asyncio.run(manager.cull_kernel_if_idle("k"))
    assert manager.culled == []


def test_a_used_kernel_that_idles_is_culled(manager):
    manager.notify_connect("k")
    asyncio.run(manager.cull_kernel_if_idle("k"))
    assert manager.culled == ["k"]


def test_a_kernel_ends_after_its_page_has_gone(manager):
    async def visit():
        manager.notify_connect("k")
        manager.notify_disconnect("k")
        assert manager.ended == []
        await asyncio.sleep(0.3)

    asyncio.run(visit())
    assert manager.ended == ["k"]


def test_a_page_that_comes_back_in_time_keeps_its_kernel(manager):
    async def visit():
        manager.notify_connect("k")
        manager.notify_disconnect("k")
        manager.notify_connect("k")
        await asyncio.sleep(0.3)

    asyncio.run(visit())
    assert manager.ended == []
