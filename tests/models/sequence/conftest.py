"""Networks so small that threads of PyTorch would only wait for each other."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
