"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real model data, portfolios and expected results that lies beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs ../shared/data (real model data and expected results), which is not here")
    return folder


@pytest.fixture(scope="session")
def piwind(shared: Path) -> Path:
    """PiWind in the Oasis standard layout."""
    return shared / "data" / "piwind"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an emulated S3 in this process, which the S3 clients of this and started processes use."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }.items():
            patch.setenv(name, value)
        yield address
    server.stop()


@pytest.fixture
def bucket(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new bucket in the emulated S3; copies of what lies there go to a folder of the test's own."""
    import s3fs

    monkeypatch.setenv("OASIS_STORAGE_CACHE", str(tmp_path / "copies"))
    name = f"test-{uuid4().hex}"
    s3fs.S3FileSystem(use_listings_cache=False).mkdir(name)
    return f"s3://{name}"
