"""Which addresses safe HTTP refuses, however written, and the one form it gives the others."""

from __future__ import annotations

import pytest

from helpninja_app.errors import AddressRefused, InputRefused
from helpninja_app.kernel.safe_http import SafeHttp, parse_target
from tests.unit.scripted_network import PUBLIC, FakeResolver, NoDial

REFUSED_FORMS = [
    # loopback, plainly and in the spellings that resolvers and browsers understand
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "https://127.0.0.1/",
    "http://127.255.255.254/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0177.0000.0000.0001/",
    "http://127.0.0.01/",
    "http://127.000.000.001/",
    "http://127.0.0.1./",
    "http://127.0.0.1.:80/",
    "http://00000000000000000000177.1/",
    "http://0x/",
    "http://256.256.256.256/",
    "http://127.0.0.1.1/",
    "http://127.0.0.256/",
    "http://1.2.3/",
    "http://４.4.4.4.4/",
    "http://１２７.０.０.１/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://LocalHost.:80/",
    "http://ｌｏｃａｌｈｏｓｔ/",
    "http://foo.localhost/",
    "http://localhost.localdomain/",
    "http://printer.local/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://router.lan/",
    "http://nas.home.arpa/",
    "http://postgres:5432/",
    "http://metadata/",
    # private and special IPv4
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://192.168.255.255/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://168.63.129.16/metadata",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    # IPv6
    "http://[::1]/",
    "http://[::1]:6379/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "http://[::]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:169.254.169.254]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:2::1]/",
    "http://[2001:10::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fe80::1%eth0]/",
    "http://[fe80::1%25eth0]/",
    "http://[::1%25lo]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[5f00::1]/",
    "http://[2606:4700::5efe:10.0.0.1]/",
    "http://[2606:4700:0:0:200:5efe:7f00:1]/",
    "http://[::1/",
    "http://::1/",
    "http://[127.0.0.1]/",
    "http://[::1]x/",
    # tricks with the authority
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1@example.com/",
    "http://user:secret@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com%40127.0.0.1/",
    "http://127.0.0.1%2f@example.com/",
    "http://127.0.0.1%00.example.com/",
    "http://%31%32%37.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\n/",
    "http://exa\r\nmple.com/",
    "http://\x00127.0.0.1/",
    "ht\ntp://127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1?@example.com/",
]
UNREADABLE_FORMS = [
    "",
    "   ",
    "example.com",
    "//example.com/",
    "/help/",
    "http:example.com",
    "http:/example.com",
    "http://",
    "http:///etc/passwd",
    "http://:80/",
    "http://?x=http://example.com",
    "http://.example.com/",
    "http://example..com/",
    "http://example.com../",
    "http://-example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:８０/",
    "http://example.com:+80/",
    "http://example.com:80a/",
    "http://exa mple.com/",
    "http://exam<ple.com/",
    f"http://{'a' * 64}.com/",
    f"http://{'a.' * 130}com/",
    f"https://example.com/{'a' * 2048}",
    "http://ex\u0000ample.com/",
    "http://\ud800.com/",
    "http://xn--\u0430.com/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stats",
    "data:text/html,hello",
    "javascript:alert(1)",
    "jar:http://127.0.0.1!/",
    "ldap://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
]


@pytest.mark.parametrize("url", REFUSED_FORMS)
async def test_a_private_or_disguised_address_is_refused_before_anything_is_asked_or_dialled(
    url: str,
) -> None:
    resolver = FakeResolver([PUBLIC])
    async with SafeHttp(user_agent="test", resolver=resolver, dial=NoDial()) as http:
        with pytest.raises(AddressRefused):
            await http.fetch(url, max_bytes=1000)
        with pytest.raises(AddressRefused):
            await http.request("POST", url, body=b"x")
        with pytest.raises(AddressRefused):
            await http.check(url)
    assert resolver.asked == []


@pytest.mark.parametrize("url", UNREADABLE_FORMS)
async def test_what_is_no_web_address_is_refused_with_a_sentence(url: str) -> None:
    async with SafeHttp(user_agent="test", resolver=FakeResolver([PUBLIC]), dial=NoDial()) as http:
        with pytest.raises(InputRefused) as refused:
            await http.fetch(url, max_bytes=1000)
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        (" https://example.com:443/a#b ", "https://example.com/a"),
        ("http://example.com:80?q=1", "http://example.com/?q=1"),
        ("http://example.com.:8080/", "http://example.com:8080/"),
        ("https://Bücher.example/ä ö", "https://xn--bcher-kva.example/%C3%A4%20%C3%B6"),
        ("https://ＥＸＡＭＰＬＥ.com/", "https://example.com/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:0:0::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("http://a_b.example.com/%41?x=%zz", "http://a_b.example.com/%41?x=%zz"),
    ],
)
def test_a_public_address_is_brought_into_one_form(url: str, normal: str) -> None:
    assert parse_target(url).url == normal
    assert parse_target(normal).url == normal
