"""The order of identify objects and of identifiers; whole orders are in the recordings."""

from __future__ import annotations

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.loading.walk_order import ask_order, bucket_count, identifiers, is_prime, str_hash, uncertain
from pjsipdiag.asterisk.releases import release


def test_the_hash_is_that_of_ast_str_hash() -> None:
    # Bernstein's hash with xor, by hand: ((5381 * 33) ^ ord("a")) and so on.
    assert str_hash("") == 5381
    assert str_hash("a") == 5381 * 33 ^ 97
    assert 0 <= str_hash("a-very-long-name-that-overflows") <= 1 << 31


def test_buckets_are_the_largest_number_that_asterisk_takes_for_a_prime() -> None:
    assert [bucket_count(n) for n in range(10)] == [1, 1, 1, 3, 3, 5, 5, 7, 7, 7]
    assert is_prime(1)
    assert not is_prime(2)


def test_another_release_asks_the_same_identifies_in_its_order() -> None:
    names = ["delta", "alpha", "charlie", "bravo", "echo"]
    text = "[e]\ntype=endpoint\n" + "".join(f"[{n}]\ntype=identify\nendpoint=e\nmatch=192.0.2.1\n" for n in names)
    old = load_config(None, "16", overlay={"pjsip.conf": text})
    new = load_config(None, "22.10.1", overlay={"pjsip.conf": text})
    assert [i.name for i in new.identifies] == sorted(names)
    assert ask_order(new, "16") == old.identifies
    assert ask_order(old, "22.10.1") == new.identifies
    assert [i.name for i in old.identifies] != sorted(names)


def test_names_in_the_order_are_not_trimmed() -> None:
    order = identifiers("username, ip", release("22.10.1"))
    assert order == ("line", "username", "auth_username", "ip", "header", "request_uri", "anonymous")


def test_unlisted_identifiers_of_several_modules_are_uncertain() -> None:
    newest = release("23")
    assert uncertain("ip,username,anonymous", newest) == ("auth_username", "header", "request_uri")
    assert uncertain("ip,username,anonymous,auth_username", newest) == ()
