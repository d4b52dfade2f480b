"""What a port may be sent that no client would send, by its kind."""

from random import Random

from tests.fuzz import right
from tests.fuzz.mutations import mutated
from tests.fuzz.right import Maker

_METHODS = (b"GET", b"get", b"G\0T", b"", b" GET", b"POST", b"CONNECT", b"BREW", b"\x80\x81", b"A" * 9000)
_TARGETS = (
    b"/v1/catalog", b"", b"*", b"//", b"/" * 8000, b"/\xff\xfe", b"/%", b"/%zz/%00", b"/v1/../../etc/passwd",
    b"/v1/%2e%2e/%2e%2e", b"http://elsewhere/v1/catalog", b"http://[::1", b"/a b", b"/?" + b"a=1&" * 3000,
    b"/v1/characters/\r\nX: y", b"/docs/..%2f..%2fpyproject.toml", b"here:443", "/\u2028".encode(),
)  # fmt: skip
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2", b"HTTP/99999", b"http/1.1", b"", b"HTTP/1.1 x")
_HEADERS = (
    b"no colon", b": no name", b"Spaced : 1", b" folded: 1", b"\tfolded", b"Nul: a\0b", b"High: \xff\xfe",
    b"Content-Length: -1", b"Content-Length: 1e3", b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5, 5", b"Content-Length: 99999999999999999999", b"Content-Length: +5",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: chunked, chunked", b"Content-Encoding: br",
    b"Content-Encoding: gzip", b"Expect: 100-continue", b"Expect: everything",
    b"Upgrade: h2c\r\nConnection: upgrade",
    b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 99",
    b"Connection: " + b"close," * 900, b"Host: a\r\nHost: b",
    b"Authorization: Bearer a\r\nAuthorization: Bearer b", b"Authorization: Bearer \xff",
    b"Authorization: " + b"A" * 9000, b"If-Match: \"\"\"", b"Idempotency-Key: " + b"k" * 500,
    b"Range: bytes=0-,5-1", b"Last-Event-ID: 99999999999999999999.1", b"If-None-Match: " + b'"x",' * 1500,
    b"Accept: " + b"*/*," * 1500, b"Cookie: " + b"a=b;" * 1500, b"X-Request-Id: \x01", b"Bare: a\rb",
    b"Line: a\nb: c",
)  # fmt: skip
_CHUNKS = (
    b"5\r\nhello\r\n", b"z\r\nhello\r\n", b"-5\r\nhello\r\n", b"0x5\r\nhello\r\n", b"5 \r\nhello\r\n",
    b"\r\n", b"5\nhello\n", b"5\r\nhelloX\r\n", b"ffffffffffffffffff\r\n", b"7fffffff\r\nhello",
    b"5;" + b"e" * 9000 + b"\r\n", b"5;a=\"b\r\nhello\r\n", b"00000000000000000000005\r\nhello\r\n",
    b"0\r\nTrailer: 1\r\n", b"0\r\n" + b"t: 1\r\n" * 500, b"0\r\n\r\n", b"5\r\nhe", b"+5\r\nhello\r\n",
)  # fmt: skip
_OTHER_PROTOCOLS = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(35),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(32),
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + bytes(12),
    b"*1\r\n$4\r\nPING\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"EHLO here\r\n",
    bytes((0, 0, 0, 8, 4, 210, 22, 47)),
)


def random_bytes(random: Random, token: str) -> bytes:
    """Bytes of no kind."""
    return random.randbytes(random.choice((1, 7, 200, 5000, 70_000)))


def other_protocol(random: Random, token: str) -> bytes:
    """How TLS, HTTP/2, a proxy, Redis, PostgreSQL and others begin."""
    return random.choice(_OTHER_PROTOCOLS) + random.randbytes(random.choice((0, 0, 40)))


def request_line(random: Random, token: str) -> bytes:
    """A first line of which each part may be wrong, and headers that are right."""
    between = random.choice((b" ", b" ", b"  ", b"\t", b""))
    parts = (random.choice(_METHODS), random.choice(_TARGETS), random.choice(_VERSIONS))
    return between.join(parts) + random.choice((b"\r\n", b"\r\n", b"\n", b"\r")) + right.head(token) + b"\r\n"


def headers(random: Random, token: str) -> bytes:
    """A right request with some headers that are not, and a body that may or may not be theirs."""
    wrong = b"\r\n".join(random.choices(_HEADERS, k=random.randint(1, 3))) + b"\r\n"
    line, content = right.posting(random, token)
    return line + wrong + b"\r\n" + content


def huge_headers(random: Random, token: str) -> bytes:
    """Too many of them, or one that is too long, or that does not end."""
    many = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(random.choice((100, 129, 5000))))
    long = b"X-Long: " + b"x" * random.choice((8190, 20_000, 1 << 20))
    more = random.choice((many, long + b"\r\n", long, b"X-Folded: 1\r\n" + b" more\r\n" * 3000))
    return b"GET /healthz HTTP/1.1\r\n" + right.head(token) + more + b"\r\n"


def chunks(random: Random, token: str) -> bytes:
    """A body in chunks, some of which are none."""
    line, _ = right.posting(random, token)
    body = b"".join(random.choices(_CHUNKS, k=random.randint(1, 5)))
    return line + b"Transfer-Encoding: chunked\r\n\r\n" + body


def altered(random: Random, token: str) -> bytes:
    """A right request that something has happened to."""
    return mutated(random, right.anyone(random, token))


def pipelined(random: Random, token: str) -> bytes:
    """Right requests in a row, with rubbish somewhere between them."""
    parts = [right.anyone(random, token) for _ in range(random.randint(1, 4))]
    parts.insert(random.randrange(len(parts) + 1), random.choice((headers, chunks, altered))(random, token))
    return b"".join(parts)


def altered_handshake(random: Random, token: str) -> bytes:
    """What would open a stream, had nothing happened to it."""
    return mutated(random, right.handshake(token))


KINDS: dict[str, Maker] = {
    "random bytes": random_bytes,
    "other protocols": other_protocol,
    "request lines": request_line,
    "headers": headers,
    "huge headers": huge_headers,
    "chunks": chunks,
    "altered requests": altered,
    "pipelines": pipelined,
    "altered handshakes": altered_handshake,
}
