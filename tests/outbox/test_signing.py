"""Signatures as the Standard Webhooks specification has them, and secrets that are none."""

import pytest

from persistence.outbox.signing import secrets_of, signatures

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_known_signature() -> None:
    assert signatures(secrets_of(SECRET), *MESSAGE) == SIGNATURE


def test_each_secret_signs() -> None:
    other = "whsec_" + "A" * 32
    both = signatures(secrets_of(f"{other} {SECRET}"), *MESSAGE).split(" ")
    assert both[1] == SIGNATURE and both[0] != SIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "secret",
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_!!",
        "whsec_QUJD",
        "whsec_" + "A" * 92,
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected whsec_|no secret") as raised:
        secrets_of(text)
    assert text != "secret" or str(raised.value).count("secret") == 0
