"""The embedded PostgreSQL: started, shared between processes, killed, restarted."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
from helpninja_app.kernel.postgres_cluster import sentence_for

ANOTHER_PROCESS = """
import sys
from pathlib import Path
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.outcome, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        yield server
        server.destroy()


def folder_of(server: EmbeddedPostgres) -> Path:
    return server._folder


def postmaster(server: EmbeddedPostgres) -> int:
    return int((folder_of(server) / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def kill_at_once(server: EmbeddedPostgres) -> None:
    process = psutil.Process(postmaster(server))
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=10)


def another_process(server: EmbeddedPostgres) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, str(folder_of(server))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_server_that_died_comes_back_at_the_same_address(server: EmbeddedPostgres) -> None:
    urls = server.urls
    assert server.revive() is False
    kill_at_once(server)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(urls.app, connect_timeout=2)
    assert server.revive() is True
    assert server.urls == urls
    with psycopg.connect(urls.app) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_the_first_start_makes_two_roles_that_row_level_security_binds(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.urls.superuser) as connection:
        roles = connection.execute(
            "select rolname, rolsuper, rolbypassrls from pg_roles where rolname like 'hn_%' order by 1"
        ).fetchall()
    assert roles == [("hn_app", False, False), ("hn_owner", False, False)]


def test_the_owner_can_make_tables_and_the_app_cannot(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.urls.owner) as connection:
        connection.execute("create table made_by_owner (id int)")
        connection.rollback()
    with (
        psycopg.connect(server.urls.app) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("create table made_by_app (id int)")


def test_vectors_and_text_search_sort_the_same_on_every_machine(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.urls.app) as connection:
        found = connection.execute(
            "select '[1,0]'::halfvec <=> '[0,1]', 'Zebra' < 'apple', lower('Ä')"
        ).fetchone()
    assert found == (1.0, True, "ä")


def test_passwords_are_random_and_readable_by_their_owner_only(server: EmbeddedPostgres) -> None:
    record = folder_of(server) / "server.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    wrong = server.urls.app.replace("hn_app:", "hn_app:wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_only_loopback_is_listened_on(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.urls.superuser) as connection:
        addresses = connection.execute("show listen_addresses").fetchone()
        sockets = connection.execute("show unix_socket_directories").fetchone()
    assert (addresses, sockets) == (("127.0.0.1",), ("",))


def test_a_second_process_attaches_and_the_last_one_out_stops_the_server(server: EmbeddedPostgres) -> None:
    pid = postmaster(server)
    with another_process(server) as other:
        assert first_line(other) == "attached"
        server.stop()
        assert psutil.pid_exists(pid)
        other.communicate("")
    assert not (folder_of(server) / "cluster" / "postmaster.pid").exists()
    server.start()
    assert server.outcome == "started"


def test_a_user_that_was_killed_does_not_keep_the_server_running(server: EmbeddedPostgres) -> None:
    with another_process(server) as other:
        assert first_line(other) == "attached"
        other.kill()
        other.wait(10)
    server.stop()
    assert not (folder_of(server) / "cluster" / "postmaster.pid").exists()
    server.start()


def test_committed_rows_survive_a_killed_server(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.urls.owner) as connection:
        connection.execute("create table kept (id int)")
        connection.execute("insert into kept select generate_series(1, 500)")
    with psycopg.connect(server.urls.owner) as connection:
        connection.execute("insert into kept values (501)")
        kill_at_once(server)
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    server.start()
    assert server.outcome == "started"
    with psycopg.connect(server.urls.owner) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (500,)


@pytest.mark.parametrize("content", ["", "not a number\n", "{self}\n/elsewhere\n", "4194300\n"])
def test_a_stale_pid_file_does_not_hinder_the_start(server: EmbeddedPostgres, content: str) -> None:
    server.stop()
    (folder_of(server) / "cluster" / "postmaster.pid").write_text(content.replace("{self}", str(os.getpid())))
    server.start()
    assert server.outcome == "started"


def test_a_pid_file_that_names_a_zombie_does_not_hinder_the_start(server: EmbeddedPostgres) -> None:
    server.stop()
    with subprocess.Popen(["true"]) as dead:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE
        (folder_of(server) / "cluster" / "postmaster.pid").write_text(f"{dead.pid}\n")
        server.start()
    assert server.outcome == "started"


def test_another_port_is_taken_when_somebody_listens_on_ours(server: EmbeddedPostgres) -> None:
    before = server.urls.app
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(before.rsplit(":", 1)[1].split("/")[0])))
        taken.listen()
        after = server.start().app
    assert after != before
    with psycopg.connect(after) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_database_can_be_copied_from_a_template_and_dropped_while_in_use(server: EmbeddedPostgres) -> None:
    pattern = server.create_database("pattern")
    with psycopg.connect(pattern.owner) as connection:
        connection.execute("create table from_pattern as select 7 as number")
    copy = server.create_database("copy", template="pattern")
    with psycopg.connect(copy.owner) as connection:
        assert connection.execute("select number from from_pattern").fetchone() == (7,)
        server.drop_database("copy")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    server.drop_database("pattern")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(pattern.owner)


def test_an_initialisation_that_was_cut_off_is_begun_again() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        half = Path(folder) / "cluster.new"
        half.mkdir()
        (half / "PG_VERSION").write_text("18\n")
        server = EmbeddedPostgres(Path(folder))
        server.start()
        assert server.outcome == "created"
        assert not half.exists()
        server.stop()


def test_data_below_a_folder_that_only_we_may_enter_works_and_is_destroyed_completely() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        server = EmbeddedPostgres(Path(folder) / "postgres")
        with psycopg.connect(server.start().superuser) as connection:
            row = connection.execute("show data_directory").fetchone()
        assert row is not None
        home = Path(row[0]).parent
        assert home.exists()
        server.destroy()
        assert not home.exists()
        assert not (Path(folder) / "postgres").exists()


def test_lost_passwords_are_said_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    with pytest.raises(Unavailable, match="Restore it from a backup"):
        EmbeddedPostgres(tmp_path).start()


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text('{"port": ')
    with pytest.raises(Unavailable, match="is damaged"):
        EmbeddedPostgres(tmp_path).start()


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_a_folder_without_the_programs_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="HELPNINJA_PG_BIN"):
        EmbeddedPostgres(tmp_path / "data", tmp_path).start()


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("could not write to file: No space left on device", "Free some space"),
        ("initdb: error: could not create directory: Permission denied", "set HELPNINJA_DATA"),
        ("could not create file: Read-only file system", "HELPNINJA_DATA"),
        ("FATAL: could not create shared memory segment", "free memory"),
    ],
)
def test_trouble_that_the_user_can_mend_says_how(reason: str, advice: str) -> None:
    assert advice in (sentence_for(reason, Path("/data")) or "")
