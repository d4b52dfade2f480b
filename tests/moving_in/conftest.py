"""Sites to move in to, and short words for tables."""

from tests.service.conftest import each_site as each_site
from tests.service.conftest import site as site
