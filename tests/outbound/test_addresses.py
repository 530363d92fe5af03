"""Which network addresses calls may reach (D1, D2, D5)."""

from ipaddress import ip_network

import pytest

from outbound.addresses import is_address_allowed
from outbound.policy import Policy

NOTHING = Policy()
EVERYTHING = Policy(allow=(ip_network("0.0.0.0/0"), ip_network("::/0")))

PRIVATE = [
    "10.0.0.1",
    "100.64.0.1",  # carrier-grade NAT
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "::1",
    "::ffff:127.0.0.1",  # mapped
    "::ffff:8.8.8.8",
    "::127.0.0.1",  # compatible
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::808:808",
    "64:ff9b:1::7f00:1",
    "100::1",  # discard
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:2::1",  # benchmarking
    "2001:10::1",  # ORCHID
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456:789a::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",  # AWS, GCP, Azure, Oracle
    "169.254.170.2",  # ECS
    "169.254.170.23",  # EKS
    "168.63.129.16",  # Azure's wire server
    "100.100.100.200",  # Alibaba
    "192.0.0.192",  # Oracle
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "fec0::1",  # site-local
    "fd00:ec2::254",  # AWS
    "fd00:ec2::23",
    "fd20:ce::254",  # GCP
    "ff02::1",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "2001:0:1:1:1:1:5601:5601",  # Teredo of 169.254.169.254
    "::ffff:100.100.100.200",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:800::200e"]


@pytest.mark.parametrize("address", PUBLIC)
def test_reaches_public_addresses_over_https(address: str) -> None:
    assert is_address_allowed(address, policy=NOTHING)


@pytest.mark.parametrize("address", PUBLIC)
def test_does_not_reach_public_addresses_over_plain_http(address: str) -> None:
    assert not is_address_allowed(address, policy=NOTHING, is_plain_http=True)


@pytest.mark.parametrize("address", [*PRIVATE, *NEVER])
def test_does_not_reach_what_is_not_on_the_public_internet(address: str) -> None:
    assert not is_address_allowed(address, policy=NOTHING)


@pytest.mark.parametrize("address", PRIVATE)
def test_reaches_a_private_address_that_the_operator_allows(address: str) -> None:
    assert is_address_allowed(address, policy=EVERYTHING)
    assert is_address_allowed(address, policy=EVERYTHING, is_plain_http=True)


@pytest.mark.parametrize("address", NEVER)
def test_never_reaches_metadata_whatever_the_operator_allows(address: str) -> None:
    assert not is_address_allowed(address, policy=EVERYTHING)


def test_an_allowed_network_does_not_allow_the_mapped_form_of_its_addresses() -> None:
    policy = Policy(allow=(ip_network("127.0.0.0/8"),))

    assert is_address_allowed("127.0.0.1", policy=policy)
    assert not is_address_allowed("::ffff:127.0.0.1", policy=policy)
