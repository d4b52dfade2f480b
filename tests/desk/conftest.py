"""The service's sites, and a character with a past."""

from tests.service.conftest import each_site as each_site
from tests.service.conftest import site as site
