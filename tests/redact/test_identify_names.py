"""Stand-ins for identifies keep the order in which Asterisk asks them, and thousands are made in seconds."""

from pathlib import Path
from time import process_time

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.walk_order import bucket_count, str_hash
from pjsipdiag.redact.identify_names import ordered_names


def test_thousands_of_identifies_keep_name_and_bucket_order(tmp_path: Path) -> None:
    count = 20_000
    sections = (
        f"[i{number}]\ntype=identify\nendpoint=p\nmatch=10.{number >> 16}.{number >> 8 & 255}.{number & 255}\n"
        for number in range(count)
    )
    (tmp_path / "pjsip.conf").write_text("[p]\ntype=endpoint\n" + "".join(sections))
    config = load_config(tmp_path)
    begun = process_time()
    stands = {name: stand for name, stand in ordered_names(config).items() if name.startswith("i")}
    assert process_time() - begun < 4  # where only the last letter was computed it took 20 s
    buckets = bucket_count(count)
    assert len(set(stands.values())) == count
    assert sorted(stands, key=stands.__getitem__) == sorted(stands)
    assert all(str_hash(stand) % buckets == str_hash(name) % buckets for name, stand in stands.items())
